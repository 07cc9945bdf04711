"""Pure: what is kept of a message, and how the versions of a contact follow each other through merges and splits."""
