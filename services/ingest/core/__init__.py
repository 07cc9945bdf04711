"""Pure: what ingest decides. What a delivery says, who it is, whether we have had it, and what became of it."""
