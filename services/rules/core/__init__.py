"""Pure: which rules hold, what follows from them, what has changed, and what is said about it."""
