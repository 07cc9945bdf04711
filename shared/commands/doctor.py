"""`doctor`: looks at everything the chain rests on, and says how to mend what is not as it must be."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from shared.commands.examining import (
    Check,
    State,
    of_clock,
    of_disk,
    of_kafka,
    of_password,
    of_postgres,
    of_reach,
    of_tables,
    of_tokens,
    of_topics,
)  # fmt: skip
from shared.commands.kafka import broker_of
from shared.commands.reaching import Reach, unreachable
from shared.commands.running import Running
from shared.domain.errors import Transient
from shared.runtime.access import list_tokens
from shared.runtime.broker.kafka_admin import KafkaAdmin
from shared.runtime.configuration import Misconfigured, load
from shared.runtime.database import Database
from shared.runtime.settings import Settings
from shared.runtime.tables import newest_revision, revision_of

SIGNS: Final = {State.GOOD: "✓", State.DOUBTFUL: "?", State.MEND: "✗"}


async def run(running: Running, reach: Reach) -> list[Check]:
    """Everything, in the order in which it is best mended; `reach` is what services may call. Raises Failed when nobody
    said where to look.
    """
    settings, url = Settings(), running.database()
    folders = (running.folder if running.folder.is_dir() else Path(), settings.config_dir)
    way = urlsplit(url)
    return [
        *await _kafka(running, settings),
        *await _postgres(url),
        *of_password(way.password, way.hostname),
        *_configuration(settings.config_dir, reach),
        *of_disk(_room(folders)),
    ]


def document(checks: Sequence[Check]) -> dict[str, Any]:
    """The same for programs."""
    items = [
        {"name": one.name, "state": one.state.value, "found": one.found, "remedy": one.remedy or None} for one in checks
    ]
    return {"items": items, "next": None, "mend": to_mend(checks)}


def lines_of(checks: Sequence[Check]) -> list[str]:
    """The same for people: what is good in a line, what is not with its remedy below."""
    lines: list[str] = []
    for one in checks:
        lines.append(f"{SIGNS[one.state]} {one.name:<13} {one.found}")
        if one.remedy:
            lines.append(f"{'':15} → {one.remedy}")
    return lines


def to_mend(checks: Sequence[Check]) -> int:
    """How many things keep the chain from doing what it promises."""
    return sum(one.state is State.MEND for one in checks)


async def _kafka(running: Running, settings: Settings) -> list[Check]:
    admin = broker_of(running, settings).admin()
    assert isinstance(admin, KafkaAdmin), "only Kafka can be looked at"
    try:
        cluster = await admin.cluster()
    except Transient as error:
        remedy = (
            "start it, or correct KAFKA_BOOTSTRAP_SERVERS and what it needs to be let in (KAFKA_SECURITY_PROTOCOL …)"
        )
        return [Check("kafka", State.MEND, f"{running.kafka().bootstrap_servers} does not answer ({error})", remedy)]
    finally:
        await admin.close()
    return [
        *of_kafka(cluster, settings.replication_factor),
        *of_topics(cluster, settings.partitions, settings.replication_factor),
    ]


async def _postgres(url: str) -> list[Check]:
    database = Database(url, connections_max=1)
    try:
        asked = datetime.now(UTC)
        server = await database.server()
        answered = datetime.now(UTC)
        tables = of_tables(await revision_of(url), newest_revision())
        tokens = of_tokens(await list_tokens(database)) if tables[0].state is not State.MEND else []
    except Transient as error:
        remedy = "start it, or correct DATABASE_URL"
        return [Check("postgres", State.MEND, f"does not answer ({error})", remedy)]
    finally:
        await database.close()
    return [*of_postgres(server), *tables, *of_clock("Postgres", server.now, asked, answered), *tokens]


def _configuration(folder: Path, reach: Reach) -> list[Check]:
    """Everything that a service loads at its start: the files, and the secrets and files that they name."""
    if not folder.is_dir():
        remedy = "set KONTAKTWERK_CONFIG_DIR to the folder with sources.yaml"
        return [Check("configuration", State.MEND, f"{folder} is no folder", remedy)]
    try:
        found = load(folder)
    except Misconfigured as error:
        remedy = "correct the file, or set what it names; then: kontaktwerk config check"
        return [Check("configuration", State.MEND, str(error), remedy)]
    return [
        Check("configuration", State.GOOD, f"{len(found.sources)} sources, {len(found.rules)} rules, secrets present"),
        *of_reach(unreachable(found, reach)),
    ]


def _room(folders: Sequence[Path]) -> Mapping[str, tuple[int, int]]:
    """Free and all bytes by folder, each file system once."""
    usages = {
        folder.stat().st_dev: (folder, shutil.disk_usage(folder)) for folder in reversed(folders) if folder.is_dir()
    }
    return {str(folder): (usage.free, usage.total) for folder, usage in usages.values()}
