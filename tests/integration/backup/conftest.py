"""The same database as for rules, and what backup and erasures have besides."""

from collections.abc import AsyncIterator

import pytest

from shared.runtime.database import Database
from tests.integration.rules.conftest import migrated
from tests.integration.rules.conftest import tables as tables_of_rules

__all__ = ["migrated", "tables", "tables_of_rules"]

TABLES = "backup.decided, backup.home, backup.run, backup.erasure, runtime.erased"


@pytest.fixture
async def tables(tables_of_rules: Database) -> AsyncIterator[Database]:
    """All tables, empty."""
    await tables_of_rules.execute(f"TRUNCATE {TABLES}")
    yield tables_of_rules
