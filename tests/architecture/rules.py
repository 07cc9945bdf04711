"""The house rules as functions: a folder in, breaches out, each as `file:line: what`. Planted breaches prove them."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]

FILE_LINES_MAX = 300
"""Above it a file nearly always holds a second thing; the few that do not are named in LONG with the reason."""

STORE_LINES_MAX = 600
"""A store holds every statement of its service, as the house asks; statements are long and read one at a time."""

TEST_LINES_MAX = 400
"""Tests are sentences read one at a time; a file of them may be longer before it holds a second thing."""

LONG: dict[str, str] = {
    "services/dedup/stage.py": "one transaction, whose steps make sense in their order only, and who calls it",
    "shared/runtime/facts.py": "the statements about facts, questions and waiters, which only make sense together",
    "shared/runtime/service.py": "one process from its start to its end, whose order is what keeps it whole",
    "shared/runtime/broker/kafka.py": "one client with the guards against its traps, which only make sense together",
}
"""Files that may be longer, each with the reason why it still holds one thing."""

COLUMNS_MAX = 120

SERVICE_FILES = frozenset(
    {"__init__.py", "core", "stage.py", "store.py", "client.py", "api.py", "settings.py", "service.py"}
)
EXTRA_FILES = {
    "ingest": frozenset(
        {"connectors", "fetches", "forms", "hooks", "imports", "letters", "pulls", "receipts", "spool", "topics"}
    ),
    "dedup": frozenset({"model.json", "pins", "reconcile", "requests", "reviews", "train"}),
    "enrich": frozenset({"providers"}),
    "rules": frozenset({"train", "writes.py", "timers.py", "deliveries.py"}),
    "backup": frozenset({"jobs"}),
}
"""What comes with one service alone: vendors, providers, learning, the weights that dedup ships, its restores and
erasures, and the jobs of backup."""

RUNTIME_FILES = frozenset(
    {
        "__init__.py", "access.py", "addresses.py", "arrays.py", "broker", "clock.py", "codec.py", "configuration.py",
        "database.py", "dead_letter.py", "erasure.py", "facts.py", "halt.py", "health.py", "http.py", "migrations.py",
        "offsets.py", "outbox.py", "poison.py", "refreshing.py", "renewal.py", "retry.py", "revisions.py", "rounds.py",
        "scheduler.py", "schemas.py", "server.py", "service.py", "settings.py", "spool.py", "stage.py", "tables.py",
        "telemetry.py", "texts.py", "theirs.py", "world.py",
    }
)  # fmt: skip
BROKER_FILES = frozenset(
    {
        "__init__.py", "kafka.py", "kafka_admin.py", "kafka_client.py", "kafka_reader.py", "kafka_watch.py",
        "memory.py", "partitions.py",
    }
)  # fmt: skip

CARD = ("Consumes", "Produces", "State", "Drops", "Dead-letters", "Guarantee")

READS_WORLD = {
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
    ("time", "time"), ("time", "time_ns"), ("time", "monotonic"), ("uuid", "uuid4"), ("uuid", "uuid1"),
    ("os", "getenv"), ("os", "urandom"), ("asyncio", "sleep"), ("time", "sleep"),
}  # fmt: skip
"""Calls by which code reads a clock, draws a number, looks at the environment or waits by itself."""

SQL = re.compile(r"\s*(?:SELECT|INSERT\s+INTO|UPDATE|DELETE\s+FROM|CREATE|ALTER|DROP|TRUNCATE|WITH|COPY)\b")

MACHINE = re.compile(r"(?<![\w.~-])/(?:work|farm|home/[a-z][\w-]*|Users/[A-Za-z][\w-]*)/")

REGISTRY = re.compile(r"(?:--(?:extra-)?index-url|--find-links|--trusted-host|https?://)\S*")


def python_files(root: Path, *folders: str) -> Iterator[Path]:
    """The Python files below these folders, in order."""
    for folder in folders:
        yield from sorted(path for path in (root / folder).rglob("*.py") if "__pycache__" not in path.parts)


def strangers(root: Path) -> list[str]:
    """Files in services and in the runtime that no list names."""
    found: list[str] = []
    for service in sorted(path for path in (root / "services").iterdir() if path.is_dir()):
        if service.name != "__pycache__":
            found += _outside(root, service, SERVICE_FILES | EXTRA_FILES.get(service.name, frozenset()))
    found += _outside(root, root / "shared" / "runtime", RUNTIME_FILES)
    found += _outside(root, root / "shared" / "runtime" / "broker", BROKER_FILES)
    return found


def _outside(root: Path, folder: Path, names: Iterable[str]) -> list[str]:
    known = {*names, "__pycache__"}
    found = [path for path in sorted(folder.iterdir()) if path.name not in known]
    return [f"{path.relative_to(root)}: no list names it" for path in found]


def incomplete_cards(root: Path) -> list[str]:
    """Services whose docstring lacks a line of the card."""
    found: list[str] = []
    for path in sorted((root / "services").glob("*/__init__.py")):
        card = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        found += [
            f"{path.relative_to(root)}: the card lacks {word}"
            for word in CARD
            if not re.search(rf"^(?:- \*\*)?{word}\b", card, re.MULTILINE)
        ]
    return found


def too_long(root: Path) -> list[str]:
    """Files with more lines, and lines with more columns, than one screen and one thought hold."""
    found: list[str] = []
    for path in python_files(root, "services", "shared", "deploy", "tests"):
        lines = path.read_text("utf-8").splitlines()
        name = str(path.relative_to(root))
        most = _lines_max(path.relative_to(root))
        if len(lines) > most and name not in LONG:
            found.append(f"{name}: {len(lines)} lines, more than {most}")
        found += [f"{name}:{at}: too wide" for at, line in enumerate(lines, 1) if len(line) > COLUMNS_MAX]
    return found


def loops_of_their_own(root: Path) -> list[str]:
    """`while`, `commit`, `sleep` and broad `except` in services: what only the one loop may do.

    A pure algorithm may count down a queue: `while` is allowed in cores, which wait for nothing anyway.
    """
    shells = [path for path in _services(root) if path.parent.name != "core"]
    return [
        *_found(root, shells, lambda node: "while" if isinstance(node, ast.While) else None),
        *_found(root, _services(root), _own_loop),
    ]


def _own_loop(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Attribute(attr="commit" | "sleep" as name)):
            return f"{name}()"
        case ast.ExceptHandler() if _is_broad(node):
            return "except Exception"
        case ast.Call(func=ast.Attribute(attr="suppress") | ast.Name(id="suppress"), args=args) if _names_broad(args):
            return "suppress(Exception)"
        case _:
            return None


def broad_excepts(root: Path) -> list[str]:
    """`except Exception` anywhere but in the one place that logs, drains and exits."""
    files = [path for path in python_files(root, "shared") if path.relative_to(root).as_posix() != ONE_PLACE]
    return _found(root, files, lambda node: "except Exception" if _catches_all(node) else None)


ONE_PLACE = "shared/runtime/service.py"


BROAD = ("Exception", "BaseException")


def _catches_all(node: ast.AST) -> bool:
    """A broad except that does not raise again."""
    return (
        isinstance(node, ast.ExceptHandler)
        and _is_broad(node)
        and not any(isinstance(below, ast.Raise) for below in ast.walk(node))
    )


def _is_broad(node: ast.ExceptHandler) -> bool:
    caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return None in caught or _names_broad(caught)


def _names_broad(caught: Iterable[ast.expr | None]) -> bool:
    return any(isinstance(one, ast.Name) and one.id in BROAD for one in caught)


def world_read(root: Path) -> list[str]:
    """Clocks, dice and the environment read by services or the domain themselves instead of through their world."""
    return _found(root, [*_services(root), *python_files(root, "shared/domain")], _reads_world)


def _reads_world(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name)) if (owner, name) in READS_WORLD:
            return f"{owner}.{name}()"
        case ast.Attribute(value=ast.Name(id="os"), attr="environ"):
            return "os.environ"
        case ast.Attribute(value=ast.Name(id="random")):
            return "random"
        case _:
            return None


def sql_in_fstrings(root: Path) -> list[str]:
    """Statements put together from values: an injection, or a plan cache that never hits.

    A constant list of columns may be put in: its name is in capitals.
    """
    return _found(root, list(python_files(root, "services", "shared", "deploy")), _formatted_sql)


def _formatted_sql(node: ast.AST) -> str | None:
    match node:
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *rest]) if SQL.match(text):
            return None if all(_is_constant(one) for one in rest) else "SQL in an f-string"
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")) if SQL.match(text):
            return "SQL by format()"
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod() | ast.Add()) if SQL.match(text):
            return "SQL put together"
        case _:
            return None


SESSION = re.compile(
    r"(?i:pg_(try_)?advisory_lock\s*\(|set_config\([^()]*,\s*false\s*\)|^\s*listen\s+\w+\s*$)"
    r"|^\s*SET\s+(?!(?i:local)\b)[\w.]+\s*(=|\b(TO|to)\b)"
)
"""SQL whose effect outlives its transaction (SET in capitals: advice to people begins with the word, too)."""

OWN_CONNECTIONS = frozenset({"shared/runtime/migrations.py", "services/ingest/pulls/client.py"})
"""They open connections that no pool takes back."""


def session_state(root: Path) -> list[str]:
    """Statements that change a connection for whoever gets it next from the pool."""
    files = (
        path
        for path in python_files(root, "services", "shared")
        if path.relative_to(root).as_posix() not in OWN_CONNECTIONS
    )
    return _found(root, list(files), _outlives)


def _outlives(node: ast.AST) -> str | None:
    match node:
        case ast.Call(func=ast.Attribute(attr="add_listener")):
            return "a listener"
        case ast.Constant(value=str(text)) if SESSION.search(text):
            return "state of a session"
        case _:
            return None


def _is_constant(node: ast.expr) -> bool:
    match node:
        case ast.FormattedValue(value=ast.Name(id=name)):
            return name.isupper()
        case _:
            return isinstance(node, ast.Constant)


def _lines_max(name: Path) -> int:
    if name.parts[0] == "tests":
        return TEST_LINES_MAX
    return STORE_LINES_MAX if name.name == "store.py" else FILE_LINES_MAX


LIMIT = re.compile(r"[A-Z][A-Z0-9_]*_(?:MAX|MIN|S|MS|US|BYTES|KB|DAYS|BITS|YEARS|LINES|LETTERS)")
"""How a limit is named: units come last."""


def unexplained_numbers(root: Path) -> list[str]:
    """Limits (public numbers with a unit) without the sentence below them that gives the reason for the number."""
    found: list[str] = []
    for path in python_files(root, "services", "shared"):
        body = ast.parse(path.read_text("utf-8")).body
        for node, after in zip(body, [*body[1:], None], strict=True):
            if (name := _number_named(node)) is not None and not _is_text(after):
                found.append(f"{path.relative_to(root)}:{node.lineno}: {name} has no reason")
    return found


def _number_named(node: ast.stmt) -> str | None:
    match node:
        case ast.AnnAssign(target=ast.Name(id=name), value=value) if LIMIT.fullmatch(name):
            return name if value is not None and _is_number(value) else None
        case _:
            return None


def _is_number(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return isinstance(value, int | float) and not isinstance(value, bool)
        case ast.BinOp(left=left, right=right):
            return _is_number(left) and _is_number(right)
        case _:
            return False


def _is_text(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def machine_paths(root: Path, files: Iterable[Path]) -> list[str]:
    """Paths of somebody's machine in tracked files."""
    return [
        f"{path.relative_to(root)}:{at}: a path of one machine"
        for path in files
        for at, line in enumerate(_lines(path), 1)
        if MACHINE.search(line)
    ]


def registries(root: Path) -> list[str]:
    """Addresses in lock files: they name whoever locked, and fail everywhere else."""
    return [
        f"{path.relative_to(root)}:{at}: an address in a lock file"
        for path in sorted(root.glob("requirements*"))
        for at, line in enumerate(_lines(path), 1)
        if REGISTRY.search(line)
    ]


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").splitlines()
    except (UnicodeDecodeError, FileNotFoundError):
        return []


def _services(root: Path) -> list[Path]:
    """Everything in services but the launcher, which is no service."""
    return [path for path in python_files(root, "services") if path.parent != root / "services"]


def _found(root: Path, files: Iterable[Path], breach: Callable[[ast.AST], str | None]) -> list[str]:
    return [
        f"{path.relative_to(root)}:{getattr(node, 'lineno', 0)}: {what}"
        for path in files
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (what := breach(node)) is not None
    ]


def plant(house: Path, name: str, text: str = "") -> None:
    """Put a file into the house."""
    path = house / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
