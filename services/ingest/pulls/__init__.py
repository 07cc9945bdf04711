"""Pulls: tables of other databases, read by their watermark or compared whole, by the clock or when somebody asks."""
