"""The verbs of `./kontaktwerk`, one file each; `services/__main__.py` lists them and reads their arguments."""
