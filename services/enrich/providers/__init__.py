"""Providers: who asks them, beside the way of the contacts and never on it."""
