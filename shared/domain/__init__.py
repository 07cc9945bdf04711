"""Pure: what every service talks about. Nothing here waits, logs, reads a clock or draws a number."""
