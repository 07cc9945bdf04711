"""The jobs of backup: what takes longer than a request. Whoever holds the lease of a run works on it."""
