"""The same database as for rules, and what backup and erasures have besides."""

import pytest

from shared.runtime.database import Database
from tests.integration.rules.conftest import migrated
from tests.integration.rules.conftest import tables as tables_of_rules

__all__ = ["migrated", "tables", "tables_of_rules"]

TABLES = "backup.decided, backup.home, backup.run, backup.erasure, runtime.erased"


@pytest.fixture
async def tables(tables_of_rules: Database) -> Database:
    """All tables, empty."""
    await tables_of_rules.execute(f"TRUNCATE {TABLES}")
    return tables_of_rules
