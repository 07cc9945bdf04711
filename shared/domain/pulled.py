"""Pulled: what a source that is a table must say of itself, and when it is pulled."""

import re
from collections.abc import Collection
from typing import Final

from croniter import croniter

from shared.domain.configuration import Source

API: Final = re.compile(r"https://[^/?#@\s]+(/[^?#\s]*)?|http://(localhost|127\.0\.0\.1)(:\d+)?/?")
"""A token goes there, so nobody may listen on the way; without TLS only to this machine."""


def fault_of(source: Source, timezones: Collection[str]) -> str | None:
    """What is wrong with the pulling of a source, the key first; None where nothing is."""
    if source.connector == "sql" and not (source.url and source.query and source.key):
        return "a table needs url, query and key (the column that names a row)"
    if source.connector == "pretix" and not (source.api and source.token):
        return "pretix needs api (where it runs, such as https://pretix.eu) and token"
    if source.api is not None and not API.fullmatch(source.api):
        return "api is an address that begins with https:// and has neither password nor query"
    if source.schedule is not None and not croniter.is_valid(source.schedule):
        return "schedule is no cron expression such as 0 3 * * *"
    if source.timezone not in timezones:
        return "timezone is no time zone such as Europe/Berlin"
    if not 0 <= source.deletions_max <= 1:
        return "deletions_max is a share from 0 to 1"
    return None
