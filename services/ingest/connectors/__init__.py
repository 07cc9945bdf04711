"""Connectors: how one vendor's deliveries are read, a vendor a file. All of them only compute."""
