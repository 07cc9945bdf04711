"""Pure: what is right, wrong, missing, stale or mistyped in a contact."""
