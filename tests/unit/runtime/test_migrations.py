"""Migrations: scripts are cut where their statements end, and the revisions are one chain."""

import re
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.migrations import alembic_config, statements
from shared.runtime.tables import FOLDER, newest_revision

VERSIONS = sorted((FOLDER / "versions").glob("[0-9]*_*.py"))


def test_statements_end_at_semicolons_only_outside_of_texts_and_comments() -> None:
    script = """
    CREATE TABLE a (b text DEFAULT 'x;''y');  -- a comment; with one
    /* another; */ SELECT ":;" FROM a;
    DO $body$ BEGIN PERFORM 1; END $body$;
    CREATE FUNCTION f() RETURNS int AS $$ SELECT 1; $$ LANGUAGE sql;
    SELECT $1::text;
    -- nothing; at all
    """
    found = statements(script)
    assert len(found) == 5
    assert found[0] == "CREATE TABLE a (b text DEFAULT 'x;''y')"
    assert found[2] == "DO $body$ BEGIN PERFORM 1; END $body$"
    assert found[4] == "SELECT $1::text"


def test_nothing_is_no_statement() -> None:
    assert statements(" ;; \n -- a\n") == []


@given(st.lists(st.sampled_from(["SELECT 1", "INSERT INTO a VALUES ('b')", 'UPDATE "c" SET d = e']), max_size=6))
def test_what_was_joined_is_cut_again(some: list[str]) -> None:
    assert statements(";\n".join(some)) == some


@given(st.text(alphabet="ab;'\"$-/*\n ", max_size=60))
def test_no_script_makes_it_lose_its_way(script: str) -> None:
    assert all(statement.strip() == statement for statement in statements(script))


def test_the_revisions_are_one_chain() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    assert len(scripts.get_heads()) == 1
    assert [script.revision for script in scripts.walk_revisions()][-1] == "0001"
    assert newest_revision() == scripts.get_heads()[0]


def stopping(script: str) -> list[str]:
    """Tables with rows on which this revision makes an index while every writer waits."""
    upgrade = script.partition("def downgrade")[0]
    new = set(re.findall(r"CREATE TABLE (\S+)", upgrade))
    return [name for name in re.findall(r"CREATE (?:UNIQUE )?INDEX \w+\s+ON (\S+)", upgrade) if name not in new]


@pytest.mark.parametrize("path", VERSIONS, ids=lambda path: path.stem)
def test_no_revision_makes_an_index_while_writers_of_a_table_with_rows_wait(path: Path) -> None:
    assert stopping(path.read_text("utf-8")) == []


def test_an_index_that_stops_writers_is_noticed() -> None:
    assert stopping('op.execute("CREATE INDEX a ON b.c (d)")') == ["b.c"]
    assert stopping('op.execute("CREATE TABLE b.c (d int); CREATE INDEX a ON b.c (d)")') == []
    assert stopping('concurrently("CREATE INDEX CONCURRENTLY a ON b.c (d)")') == []
