"""Training: a model learned from labelled pairs, measured on persons it has not seen, beside the present one.

Started by `./kontaktwerk train matching`; no part of the running service.
"""
