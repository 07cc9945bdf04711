"""Imports: what one file brought, looked at and taken back as a whole."""
