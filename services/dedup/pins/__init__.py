"""Pins: values that people fixed, kept beside the records and laid over the golden record."""
