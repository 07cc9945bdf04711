"""Migrations: scripts are cut where their statements end, and the revisions are one chain."""

from alembic.script import ScriptDirectory
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.migrations import alembic_config, statements
from shared.runtime.tables import newest_revision


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
