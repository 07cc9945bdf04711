"""Pulled: what a source that is a table or a list must say of itself, and when it is pulled."""

import re
from collections.abc import Collection
from typing import Final

from croniter import croniter

from shared.domain.configuration import Source
from shared.topology import TOPICS

TOPIC: Final = re.compile(r"[A-Za-z0-9._-]{1,249}")
"""What Kafka calls a topic."""

OURS: Final = frozenset(topic.name for topic in TOPICS)
"""Reading our own topics as somebody's table would never end."""

API: Final = re.compile(r"https://[^/?#@\s]+(/[^?#\s]*)?|http://(localhost|127\.0\.0\.1)(:\d+)?/?")
"""A token goes there, so nobody may listen on the way; without TLS only to this machine."""

VERIFY: Final = re.compile(r"[A-Za-z0-9_-]{10,50}")
"""As long as CleverReach allows."""

APIS: Final = frozenset({"rest", "rapidmail", "salesforce", "hubspot-contacts"})
"""Connectors that are lists of somebody's API."""

PULLED: Final = APIS | {"sql"}
"""Connectors that are pulled; all others are sent to us."""

THIN: Final = frozenset({"cleverreach", "eventbrite"})
"""Connectors whose hooks only point to an API that runs in one place."""

HOSTED: Final = frozenset({"rapidmail", "hubspot-contacts"})
"""Those that run in one place, which their preset knows."""

UPDATED: Final = "updatedAt"
"""The member of HubSpot's rows that every change moves."""


def fault_of(source: Source, timezones: Collection[str]) -> str | None:
    """What is wrong with the pulling of a source, the key first; None where nothing is."""
    if source.connector == "sql" and not (source.url and source.query and source.key):
        return "a table needs url, query and key (the column that names a row)"
    if source.connector == "pretix" and not (source.api and source.token):
        return "pretix needs api (where it runs, such as https://pretix.eu) and token"
    if source.connector in THIN and not source.token:
        return f"{source.connector} needs token: its web hooks only say what to ask its API for"
    if source.connector == "cleverreach" and not VERIFY.fullmatch(source.key or ""):
        return "cleverreach needs key, the verify token that it is told: 10 to 50 letters and digits"
    if (fault := _topic_fault(source) or _list_fault(source)) is not None:
        return fault
    if source.api is not None and not API.fullmatch(source.api):
        return "api is an address that begins with https:// and has neither password nor query"
    if not all(croniter.is_valid(cron) for cron in (source.schedule, source.whole_schedule) if cron is not None):
        return "schedule is no cron expression such as 0 3 * * *"
    if source.timezone not in timezones:
        return "timezone is no time zone such as Europe/Berlin"
    if not 0 <= source.deletions_max <= 1:
        return "deletions_max is a share from 0 to 1"
    return None


def _topic_fault(source: Source) -> str | None:
    """What is wrong with a source that is a topic of somebody's."""
    if source.connector != "debezium":
        return None
    if not TOPIC.fullmatch(source.topic or "") or not source.key:
        return "debezium needs topic (that Debezium writes) and key (the column that names a row)"
    return "topic is one of our own" if source.topic in OURS else None


def _list_fault(source: Source) -> str | None:
    """What is wrong with a source that is a list of an API."""
    if source.connector not in APIS:
        return None
    if source.api is None and source.connector not in HOSTED:
        return "a list needs api, the address that its path is added to"
    if source.connector == "rest" and not (source.path and source.key):
        return "a list needs path and key (the member that names a row)"
    if (fault := _vendor_fault(source)) is not None:
        return fault
    if any(path is not None and not path.startswith("/") for path in (source.path, source.changes)):
        return "path and changes begin with /"
    if source.connector == "rest" and (source.watermark is None) != (source.changes is None):
        return "watermark and changes go together"
    if source.changes is not None and "{since}" not in source.changes:
        return "changes needs {since} where the time goes"
    ways = source.pages
    if ways is not None and (ways.link, ways.next is not None, ways.param is not None).count(True) != 1:
        return "pages is one of link, next, cursor with param, and param"
    return None


def _vendor_fault(source: Source) -> str | None:
    """What is wrong with a source that is a list of a vendor we know."""
    if source.connector == "rapidmail" and not source.path:
        return "rapidmail needs path, with the number of the list: /recipients?recipientlist_id=1"
    if source.connector != "rest" and not source.token:
        return f"{source.connector} needs token"
    if source.connector == "hubspot-contacts" and (source.watermark not in (None, UPDATED) or source.changes):
        return f"changes of HubSpot's contacts are found with watermark: {UPDATED}, and nothing else"
    return None
