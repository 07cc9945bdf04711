"""Erasing inside the identity transaction: what ends an event about the erased, and what an erasure leaves."""

from collections.abc import Mapping
from datetime import datetime

from services.dedup.core import erasing
from services.dedup.core.arriving import Erasing, Work
from services.dedup.core.saying import Decided
from services.dedup.requests import store as requests
from shared.domain.outcome import DropReason
from shared.runtime import erasure, outbox
from shared.runtime.database import Connection


async def overtaken(connection: Connection, work: Work, countries: Mapping[str, str | None]) -> dict[str, Decided]:
    """The events that were received before their person was erased: they are dropped. Behind the locks of their records
    and addresses, which an erasure holds too.
    """
    if work.erasing is not None or not (work.told or work.happenings) or not await requests.bars_anybody(connection):
        return {}
    named = erasing.named_by(work, countries)
    hashed = await erasure.hashes(connection, {subject for subjects, _ in named.values() for subject in subjects})
    barred = await requests.barred(connection, hashed.values())
    return {
        event_id: Decided(event_id, "dropped", DropReason.ERASED)
        for event_id, (subjects, received_at) in named.items()
        if any(barred.get(hashed[subject], received_at) > received_at for subject in subjects)
    }


async def forget(connection: Connection, one: Erasing, now: datetime) -> None:
    """What is left of a person whose records were just taken back: hashes, and the word to everybody else."""
    subjects = [*one.records, *(erasing.subject_of(key) for key in one.keys)]
    hashed = sorted((await erasure.hashes(connection, subjects)).values())
    await requests.bar(connection, hashed, now)
    waited, judged = await requests.forget(connection, one)
    contacts = [one.contact_id, *await requests.formers(connection, one.contact_id)]
    await erasure.note(connection, "dedup", contacts, now)
    left = {"records": one.records, "events": (*waited, *judged), "subjects": tuple(hashed)}
    await outbox.append(connection, "dedup", [erasing.answered(one.request, "erased", now, contacts, **left)])
