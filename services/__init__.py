"""The services of Kontaktwerk, one folder each and all of one shape; `__main__` is their table of contents."""
