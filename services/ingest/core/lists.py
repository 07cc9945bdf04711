"""Lists: how somebody's API is asked for its rows, page after page, and what its answers mean. Pure.

The vendors are presets of one way: what sources.yaml says goes before what the preset says.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec
from yarl import URL

from services.ingest.core.mapping import value_at
from shared.domain.configuration import Paging, Source
from shared.domain.record import Json

Row = Mapping[str, Any]


class Preset(NamedTuple):
    """What is known of a vendor: `noise` are members of rows that say nothing of anybody, `search` is the property by
    which its search finds what has changed, where it has one.
    """

    scheme: str = "Bearer"
    api: str | None = None
    path: str | None = None
    changes: str | None = None
    rows: str | None = None
    pages: Paging | None = None
    key: str | None = None
    watermark: str | None = None
    map: Mapping[str, str] = {}
    noise: frozenset[str] = frozenset({"_links"})
    search: str | None = None


class Ask(NamedTuple):
    """One request: a page at an address; with a search, whose conditions are posted as JSON, what is found there."""

    at: URL
    search: Mapping[str, Any] | None = None


FOUND_A_PAGE: Final = 200
"""Rows of one page of HubSpot's search, the most it gives."""

FOUND_MAX: Final = 10_000
"""What one search of HubSpot gives at most; beyond, it answers 400."""

AGAIN: Final = "the same page comes again and again"
"""Why an API is left that would be asked for ever."""

_CONTACTS: Final = (
    "/services/data/v62.0/query?q=SELECT Id, Salutation, FirstName, LastName, Email, Phone, MobilePhone, Title, "
    "Department, Birthdate, MailingStreet, MailingPostalCode, MailingCity, MailingCountry, SystemModstamp FROM Contact"
)

PRESETS: Final[Mapping[str, Preset]] = {
    "rest": Preset(),
    # https://developer.rapidmail.wiki: HAL, Basic, at most ten requests a second and 503 above.
    "rapidmail": Preset(
        scheme="Basic",
        api="https://apiv3.emailsys.net",
        rows="_embedded.recipients",
        pages=Paging(next="_links.next.href"),
        key="id",
        map={
            "given_name": "firstname", "family_name": "lastname", "name_prefix": "title", "postcode": "zip",
            "birthday": "birthdate",
        },
    ),
    # REST API Developer Guide, "Query": up to 2,000 records, `nextRecordsUrl` until `done`. Changes are found by
    # SystemModstamp, which every change moves, and which is indexed.
    "salesforce": Preset(
        path=_CONTACTS,
        changes=f"{_CONTACTS} WHERE SystemModstamp >= {{since}}",
        rows="records",
        pages=Paging(next="nextRecordsUrl"),
        key="Id",
        watermark="SystemModstamp",
        map={
            "salutation": "Salutation", "given_name": "FirstName", "family_name": "LastName", "email": "Email",
            "phone": "Phone", "attributes.mobile": "MobilePhone", "job_title": "Title", "department": "Department",
            "birthday": "Birthdate", "street": "MailingStreet", "postcode": "MailingPostalCode",
            "city": "MailingCity", "country": "MailingCountry",
        },
        noise=frozenset({"attributes"}),
    ),
    # CRM API v3, "List": 100 a page, `paging.next.after` while there are more; archived ones are not in it. "Search the
    # CRM" finds by lastmodifieddate, some seconds late, and goes on in the same way.
    "hubspot-contacts": Preset(
        api="https://api.hubapi.com",
        path="/crm/v3/objects/contacts?limit=100&properties=salutation,firstname,lastname,email,phone,mobilephone,"
        "company,jobtitle,address,zip,city,country,date_of_birth",
        rows="results",
        pages=Paging(cursor="paging.next.after", param="after"),
        key="id",
        map={
            "salutation": "properties.salutation", "given_name": "properties.firstname",
            "family_name": "properties.lastname", "email": "properties.email", "phone": "properties.phone",
            "attributes.mobile": "properties.mobilephone", "company": "properties.company",
            "job_title": "properties.jobtitle", "street": "properties.address", "postcode": "properties.zip",
            "city": "properties.city", "country": "properties.country", "birthday": "properties.date_of_birth",
        },
        noise=frozenset(
            {"properties.hs_object_id", "properties.lastmodifieddate", "properties.createdate", "updatedAt"}
        ),
        search="lastmodifieddate",
    ),
}  # fmt: skip


def completed(source: Source) -> Source:
    """A source with what its preset knows, where it says nothing itself; another one as it is."""
    preset = PRESETS.get(source.connector)
    if preset is None:
        return source
    own = source.path is not None and source.changes is None  # of another list the changes of the preset say nothing
    return msgspec.structs.replace(
        source,
        api=source.api or preset.api,
        path=source.path or preset.path,
        changes=source.changes or (None if own else preset.changes),
        rows=source.rows or preset.rows,
        pages=source.pages or preset.pages,
        key=source.key or preset.key,
        watermark=source.watermark or (None if own else preset.watermark),
        map={**preset.map, **source.map},
    )


def in_order(source: Source, since: datetime | None) -> bool:
    """Whether what has changed since then comes in the order of its watermark, so that a reading can go on half-way."""
    return since is not None and PRESETS[source.connector].search is not None


def first_of(source: Source, since: datetime | None) -> Ask:
    """How the first page is asked for; with `since`, that of what has changed since then."""
    if since is not None and in_order(source, since):
        return _search(source, since)
    path = source.path or ""
    if since is not None and source.changes is not None:
        path = source.changes.replace("{since}", quote(f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"))
    address = _address(source, path)
    ways = source.pages
    if ways is not None and ways.param is not None and ways.cursor is None:
        return Ask(address.update_query({ways.param: str(ways.first)}))
    return Ask(address)


def _address(source: Source, path: str) -> URL:
    return URL((source.api or "").rstrip("/") + path)


def _search(source: Source, since: datetime) -> Ask:
    """What HubSpot finds that has changed since, the oldest change first, with the properties that the path names."""
    path, _, query = (source.path or "").partition("?")
    by = PRESETS[source.connector].search
    condition = {"propertyName": by, "operator": "GTE", "value": str(_milliseconds(since))}
    search = {
        "filterGroups": [{"filters": [condition]}],
        "sorts": [{"propertyName": by, "direction": "ASCENDING"}],
        "properties": [name for name in URL(f"?{query}").query.get("properties", "").split(",") if name],
        "limit": FOUND_A_PAGE,
    }
    return Ask(_address(source, f"{path}/search"), search)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def rows_of(answer: Json, source: Source) -> list[Row] | str:
    """The rows of an answer, their watermark as a time; or why they cannot be read. Names no value of theirs."""
    found = value_at(answer, source.rows) if source.rows else answer
    if not isinstance(found, list):
        return "the answer has no list where rows should stand"
    noise = PRESETS[source.connector].noise
    rows: list[Row] = []
    for one in found:
        if not isinstance(one, dict):
            return "a row is no object"
        row = _without(one, noise)
        if source.watermark is not None:
            moment = moment_of(one.get(source.watermark))
            if moment is None:
                return "a watermark is no time"
            row[source.watermark] = moment
        rows.append(row)
    return rows


def next_of(answer: Json, link: str | None, asked: Ask, rows: Sequence[Row], source: Source) -> Ask | str | None:
    """How the page after this one is asked for, None after the last; or why it is not."""
    ways, at = source.pages, asked.at
    if ways is None:
        return None
    if ways.link or ways.next is not None:
        said = link if ways.link else value_at(answer, ways.next or "")
        if not isinstance(said, str) or not said:
            return None
        try:
            following = at.join(URL(said))
        except ValueError:
            return "the address of the next page is none"
        return Ask(following) if following.origin() == at.origin() else "the next page is at another host"
    name = ways.param or ""
    if ways.cursor is not None:
        cursor = value_at(answer, ways.cursor)
        if not isinstance(cursor, str | int) or cursor == "":
            return None
        return (
            _found_next(asked, str(cursor), rows, source) if asked.search else Ask(at.update_query({name: str(cursor)}))
        )
    return Ask(at.update_query({name: str(int(at.query[name]) + 1)})) if rows else None


def _found_next(asked: Ask, cursor: str, rows: Sequence[Row], source: Source) -> Ask | str:
    """The search goes on from the time of its last row, so that what changes meanwhile moves no row out of sight; by
    the vendor's cursor only through rows of one moment.
    """
    latest = latest_of(rows, source.watermark, None)
    anew = None if latest is None else _search(source, latest)
    search = asked.search or {}
    if anew is not None and anew.search is not None and anew.search["filterGroups"] != search["filterGroups"]:
        return anew
    if not cursor.isdigit() or int(cursor) <= int(search.get("after", "0")):
        return AGAIN
    if int(cursor) >= FOUND_MAX:
        return f"more than {FOUND_MAX} rows of one moment: sync now with --whole"
    return Ask(asked.at, {**search, "after": cursor})


def latest_of(rows: Sequence[Row], watermark: str | None, so_far: datetime | None) -> datetime | None:
    """The latest of the times of these rows and of those before."""
    times = [row[watermark] for row in rows] if watermark is not None else []
    return max(times if so_far is None else [*times, so_far], default=None)


def moment_of(value: Json) -> datetime | None:
    """A time with its zone (`2026-11-23T10:00:00.000+0000`), without one UTC; None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _without(row: Mapping[str, Any], noise: frozenset[str]) -> dict[str, Any]:
    """A row without the members that say nothing, also below others."""
    kept: dict[str, Any] = {}
    for name, value in row.items():
        if name in noise:
            continue
        below = frozenset(one.removeprefix(f"{name}.") for one in noise if one.startswith(f"{name}."))
        kept[name] = _without(value, below) if below and isinstance(value, dict) else value
    return kept
