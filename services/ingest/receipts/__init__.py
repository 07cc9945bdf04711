"""Receipts that have grown old: added up and let go, so that no table grows for ever and the books still balance."""
