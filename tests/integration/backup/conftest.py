"""The same database as for rules."""

from tests.integration.rules.conftest import migrated, tables

__all__ = ["migrated", "tables"]
