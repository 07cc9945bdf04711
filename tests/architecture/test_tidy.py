"""Tidiness with reasons: what makes a file hard to read, or lets it do behind our backs what only one place may do."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.architecture import rules
from tests.architecture.rules import plant

Rule = Callable[[Path], list[str]]


def tracked(root: Path) -> list[Path]:
    """The files under version control; all below the folder where there is none (an image, an archive)."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=False)
    if listed.returncode != 0:
        return [path for path in root.rglob("*") if path.is_file()]
    return [root / name for name in listed.stdout.decode().split("\0") if name]


def test_no_file_outgrows_one_thought() -> None:
    """Harm: in a file of a thousand lines the second thing hides behind the first, and every change meets both."""
    assert rules.too_long(rules.ROOT) == []


def test_no_exception_to_the_length_is_left_over() -> None:
    """Harm: a file that was cut may grow again unseen."""
    lengths = {name: len((rules.ROOT / name).read_text("utf-8").splitlines()) for name in rules.LONG}
    assert [name for name, lines in lengths.items() if lines <= rules.FILE_LINES_MAX] == []


def test_no_service_has_a_loop_of_its_own() -> None:
    """Harm: a second loop commits before it produces, sleeps through a stop, or swallows what ends a process."""
    assert rules.loops_of_their_own(rules.ROOT) == []


def test_only_one_place_catches_everything() -> None:
    """Harm: catch, log and go on loses data; a limit that raises is caught with the rest."""
    assert rules.broad_excepts(rules.ROOT) == []


def test_nobody_reads_clock_dice_or_environment_behind_the_worlds_back() -> None:
    """Harm: what reads the clock itself cannot be replayed, simulated or tried on 29 February."""
    assert rules.world_read(rules.ROOT) == []


def test_no_statement_is_put_together_from_values() -> None:
    """Harm: an injection at worst, a prepared statement for every value at best."""
    assert rules.sql_in_fstrings(rules.ROOT) == []


def test_no_connection_goes_back_to_the_pool_changed() -> None:
    """Harm: nothing resets it, and whoever gets it next holds a lock or a setting that he never asked for."""
    assert rules.session_state(rules.ROOT) == []


def test_every_number_has_its_reason() -> None:
    """Harm: a limit without a reason is changed without one, or kept for ever."""
    assert rules.unexplained_numbers(rules.ROOT) == []


def test_no_file_knows_somebodys_machine() -> None:
    """Harm: it works there alone."""
    assert rules.machine_paths(rules.ROOT, tracked(rules.ROOT)) == []


def test_no_lock_file_knows_a_registry() -> None:
    """Harm: set-up fails wherever that host is not."""
    assert rules.registries(rules.ROOT) == []


BREACHES: list[tuple[Rule, str, str]] = [
    (rules.too_long, "services/dedup/settings.py", '"""X."""\n' * 301),
    (rules.too_long, "shared/x.py", f"X = '{'x' * 120}'\n"),
    (rules.loops_of_their_own, "services/dedup/stage.py", "while True:\n    pass\n"),
    (rules.loops_of_their_own, "services/dedup/stage.py", "await consumer.commit()\n"),
    (rules.loops_of_their_own, "services/dedup/core/decide.py", "time.sleep(1)\n"),
    (rules.loops_of_their_own, "services/dedup/store.py", "try:\n    x()\nexcept Exception:\n    pass\n"),
    (
        rules.loops_of_their_own,
        "services/dedup/store.py",
        "try:\n    x()\nexcept (OSError, BaseException):\n    pass\n",
    ),
    (rules.loops_of_their_own, "services/dedup/store.py", "try:\n    x()\nexcept:\n    pass\n"),
    (rules.loops_of_their_own, "services/dedup/store.py", "with contextlib.suppress(Exception):\n    x()\n"),
    (rules.broad_excepts, "shared/runtime/stage.py", "try:\n    x()\nexcept Exception:\n    log()\n"),
    (rules.world_read, "services/dedup/core/decide.py", "now = datetime.now(UTC)\n"),
    (rules.world_read, "services/dedup/stage.py", "url = os.environ['URL']\n"),
    (rules.world_read, "services/dedup/stage.py", "new = uuid.uuid4()\n"),
    (rules.world_read, "shared/domain/record.py", "dice = random.random()\n"),
    (rules.sql_in_fstrings, "services/dedup/store.py", 'q = f"SELECT * FROM x WHERE y = {y}"\n'),
    (rules.sql_in_fstrings, "services/dedup/store.py", 'q = "DELETE FROM x WHERE y = %s" % y\n'),
    (rules.sql_in_fstrings, "shared/runtime/outbox.py", 'q = "UPDATE {}".format(table)\n'),
    (rules.session_state, "services/dedup/store.py", 'q = "SELECT pg_advisory_lock($1)"\n'),
    (rules.session_state, "services/dedup/store.py", 'q = "SET synchronous_commit TO off"\n'),
    (rules.session_state, "shared/runtime/outbox.py", "await connection.add_listener('x', hear)\n"),
    (rules.unexplained_numbers, "services/dedup/core/decide.py", "KEYS_MAX: Final = 100\nX = 1\n"),
]


@pytest.mark.parametrize(("rule", "name", "text"), BREACHES, ids=lambda one: getattr(one, "__name__", None))
def test_a_planted_breach_is_seen(house: Path, rule: Rule, name: str, text: str) -> None:
    assert rule(house) == []
    plant(house, name, text)
    assert len(rule(house)) == 1


ALLOWED: list[tuple[Rule, str, str]] = [
    (rules.loops_of_their_own, "services/dedup/core/clustering.py", "while queue:\n    queue.pop()\n"),
    (rules.loops_of_their_own, "services/dedup/store.py", "try:\n    x()\nexcept OSError:\n    pass\n"),
    (rules.broad_excepts, "shared/runtime/service.py", "try:\n    x()\nexcept Exception:\n    log()\n"),
    (rules.broad_excepts, "shared/runtime/stage.py", "try:\n    x()\nexcept BaseException:\n    undo()\n    raise\n"),
    (rules.world_read, "shared/runtime/clock.py", "now = datetime.now(UTC)\n"),
    (rules.sql_in_fstrings, "services/dedup/store.py", 'q = f"SELECT {_COLUMNS} FROM x WHERE y = $1"\n'),
    (rules.sql_in_fstrings, "services/dedup/store.py", 'q = f"Selected {count} of {total}"\n'),
    (rules.session_state, "services/dedup/store.py", 'q = "SET LOCAL lock_timeout TO 1"\n'),
    (rules.session_state, "services/dedup/store.py", 'q = "SELECT pg_advisory_xact_lock($1)"\n'),
    (rules.unexplained_numbers, "services/dedup/core/decide.py", 'KEYS_MAX: Final = 100\n"""Because."""\n'),
    (rules.unexplained_numbers, "services/dedup/core/decide.py", "_COUNT: Final = 3\nNAME: Final = 'x'\n"),
]


@pytest.mark.parametrize(("rule", "name", "text"), ALLOWED, ids=lambda one: getattr(one, "__name__", None))
def test_what_is_allowed_is_no_breach(house: Path, rule: Rule, name: str, text: str) -> None:
    plant(house, name, text)
    assert rule(house) == []


def test_a_path_of_a_machine_is_seen(tmp_path: Path) -> None:
    root, at_home = "/" + "home/anna/kontaktwerk", "~/" + "work/kontaktwerk"
    plant(tmp_path, "README.md", f"cd {root}\ncd {at_home}\nsee https://example.com/work/x\n")
    assert rules.machine_paths(tmp_path, tracked(tmp_path)) == ["README.md:1: a path of one machine"]


def test_an_address_in_a_lock_file_is_seen(tmp_path: Path) -> None:
    plant(tmp_path, "requirements.lock", "--index-url https://packages.example/simple\nmsgspec==0.20.0\n")
    assert len(rules.registries(tmp_path)) == 1
