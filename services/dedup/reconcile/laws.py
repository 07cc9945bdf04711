"""Laws: what decisions rest on in the epoch that holds; the population is read again when another epoch has begun."""

from dataclasses import replace

from services.dedup.core.decide import Law
from services.dedup.reconcile import store
from shared.runtime.database import Connection


class Laws:
    """The law as this process last knew it, and as it is under any epoch that a transaction finds."""

    def __init__(self, law: Law) -> None:
        self.present = law

    async def under(self, connection: Connection, epoch: int) -> Law:
        """The law of this epoch, which the caller has read behind its locks."""
        if epoch != self.present.population.epoch:
            self.present = replace(self.present, population=await store.population(connection, epoch))
        return self.present

    async def renew(self, connection: Connection) -> None:
        """Bring what questions are answered from up to date, where no batch has done so."""
        await self.under(connection, (await store.standing(connection, ())).epoch)
