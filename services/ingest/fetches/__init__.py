"""Fetches: what a vendor's hook only points to is asked of the vendor's API, after the hook was answered."""
