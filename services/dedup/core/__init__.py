"""Pure: which records are one person, and what their contact looks like. Nothing here waits, logs or reads a clock."""
