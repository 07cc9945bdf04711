"""One process of enrich for tests: the real stage, store and worker, and contacts that pass them."""

from datetime import UTC, datetime

from services.enrich.core.asking import Asked
from services.enrich.providers.worker import Outside, Worker
from services.enrich.stage import Enrich, Memory
from services.enrich.store import Store
from shared.domain.contact import Cause, Company, Contact, Email, Origin
from shared.domain.events import Data, Event, Snapshot
from shared.domain.ids import derived_id
from shared.domain.outcome import Forward
from shared.runtime import codec
from shared.runtime.broker import Message
from shared.runtime.clock import ManualClock
from shared.runtime.database import Database
from shared.runtime.facts import Facts
from shared.runtime.stage import Taken
from shared.topology import VALIDATED, Type

NOW = datetime(2026, 11, 23, 9, 15, tzinfo=UTC)


def contact(number: int = 1, version: int = 1, domain: str = "beispiel.de", company: Company | None = None) -> Contact:
    """Somebody at a company."""
    return Contact(
        contact_id=derived_id("contact", str(number)),
        version=version,
        created_at=NOW,
        updated_at=NOW,
        cause=Cause(kind="record", id="e", source="crm"),
        emails=(Email(value=f"p{number}@{domain}", status="valid", preferred=True),),
        company=company or Company(),
        provenance={"/company/industry": Origin(source="crm")} if company is not None else {},
    )


def taken(data: Data) -> Taken:
    """A message of contacts.validated."""
    event = Event(
        id="e", type=Type.CONTACT_VALIDATED, source="/kontaktwerk/validate", time=NOW, subject="c", data=data
    )  # fmt: skip
    value, headers = codec.encode(event)
    message = Message(
        topic=VALIDATED.name, partition=0, offset=0, timestamp_ms=0, key=b"c", value=value, headers=headers
    )
    return Taken(message, event)


class House:
    """One process of enrich with its worker."""

    def __init__(self, database: Database, asked: Asked, client: Outside, name: str = "w") -> None:
        self.database = database
        self.clock = ManualClock(NOW)
        self.facts = Facts(database, "enrich")
        self.stage = Enrich(200, Memory((asked,), Store(database), self.facts, self.clock))
        self.worker = Worker(asked, Store(database), self.facts, client, self.clock, name)

    async def say(self, *contacts: Contact) -> list[Contact]:
        """Contacts pass the stage; as they leave."""
        settled = await self.stage.settle([taken(Snapshot(contact=one)) for one in contacts])
        found: list[Contact] = []
        for outcome in settled.outcomes:
            assert isinstance(outcome, Forward)
            data = outcome.says[0].event.data
            assert isinstance(data, Snapshot)
            assert data.contact is not None
            found.append(data.contact)
        return found

    async def to_refresh(self) -> list[str]:
        """Wake who waits, and who is to be said again."""
        await self.facts.wake(self.clock.now(), None)
        rows = await self.database.fetch("SELECT contact_id::text AS id FROM runtime.refresh_due ORDER BY 1")
        return [row["id"] for row in rows]

    async def state(self) -> str:
        """What the breaker lets through: closed, open or half-open; with the last error."""
        row = (await self.worker.store.rows(["companies"]))["companies"]
        return f"{'open' if row.meter.open_until else 'closed'} {row.counts.last_error}"
