"""Pulled: what a source that is a table must say of itself, and when it is pulled."""

from collections.abc import Collection

from croniter import croniter

from shared.domain.configuration import Source


def fault_of(source: Source, timezones: Collection[str]) -> str | None:
    """What is wrong with the pulling of a source, the key first; None where nothing is."""
    if source.connector == "sql" and not (source.url and source.query and source.key):
        return "a table needs url, query and key (the column that names a row)"
    if source.schedule is not None and not croniter.is_valid(source.schedule):
        return "schedule is no cron expression such as 0 3 * * *"
    if source.timezone not in timezones:
        return "timezone is no time zone such as Europe/Berlin"
    if not 0 <= source.deletions_max <= 1:
        return "deletions_max is a share from 0 to 1"
    return None
