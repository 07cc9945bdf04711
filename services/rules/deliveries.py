"""Deliveries: what rules requested leaves by log, web hook or mail, with the words and the consent of that moment.

At least once, always under the same id: whoever dies between the other side's yes and our note sends again. Or at most
once, where the rule says so: then it counts as sent before it is.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from email.message import EmailMessage
from typing import Final, Protocol

from services.rules.core.confirming import askable, mailbox_of
from services.rules.core.delivering import (
    Again,
    Delivery,
    Ended,
    Outcome,
    mail,
    mailable,
    next_of,
    payload,
    signed,
)
from services.rules.core.rulebook import Rulebook
from services.rules.core.templates import Letter, Said
from services.rules.stage import SERVICE
from services.rules.store import Store
from shared.domain import opt_in
from shared.domain.configuration import Channel, Mail, Rule
from shared.domain.contact import Contact
from shared.runtime.clock import Clock
from shared.runtime.telemetry import logger
from shared.runtime.world import Chore

AT_ONCE_MAX: Final = 20
"""Notifications on their way at once: a mail server counts connections, and a hook that hangs holds one of them."""

ROUNDS_MAX: Final = 25
"""Rounds before the chore lets others run: 500 notifications."""

LEASE_S: Final = 300.0
"""A mail waits for a dozen answers, each within a time-out of 20 s; who takes longer is dead, and another sends."""

EVERY_S: Final = 1.0
"""How often an idle process looks."""


class Outside(Protocol):
    """The way out."""

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> Outcome:
        """Send a web hook."""
        ...

    async def mail(self, url: str, message: EmailMessage) -> Outcome:
        """Send a mail."""
        ...


class Deliveries:
    """One process's part of the work."""

    def __init__(self, store: Store, rulebook: Rulebook, clock: Clock, outside: Outside) -> None:
        self._store = store
        self.rulebook = rulebook
        self._clock = clock
        self._outside = outside
        self._log = logger(SERVICE)

    def chore(self) -> Chore:
        """The chore that sends."""
        return Chore(name="deliveries", every_s=EVERY_S, run=self.run)

    async def run(self) -> None:
        """Send all that is due, or as much as one round of the chore may."""
        for _ in range(ROUNDS_MAX):
            if await self.some() < AT_ONCE_MAX:
                return

    async def some(self) -> int:
        """Send some, at most AT_ONCE_MAX, and return how many."""
        now = self._clock.now()
        taken = await self._store.take_deliveries(now, now + timedelta(seconds=LEASE_S), AT_ONCE_MAX)
        await asyncio.gather(*(self._deliver(delivery) for delivery in taken))
        return len(taken)

    async def _deliver(self, delivery: Delivery) -> None:
        rule = self.rulebook.rule(delivery.rule)
        outcome: Outcome = Ended.NO_RULE if rule is None else await self._outcome(delivery, rule)
        once = rule is not None and rule.delivery == "at-most-once"
        following = next_of(delivery, outcome, self._clock.now(), once=once)
        await self._store.note_attempt(delivery, following.ended, following.due_at)
        if following.ended is not Ended.SENT:
            self._log.warning(
                "notification not sent",
                notification_id=delivery.notification_id,
                rule=delivery.rule,
                attempt=delivery.attempt,
                reason=outcome.why if isinstance(outcome, Again) else outcome.value,
                given_up=following.ended is not None,
            )

    async def _outcome(self, delivery: Delivery, rule: Rule) -> Outcome:
        """Send it to whom and in the words that are right now."""
        now = self._clock.now()
        if delivery.expires_at is not None and now >= delivery.expires_at:
            return Ended.TOO_LATE
        way = await self._store.way(delivery.contact_id)
        contact = way[-1].contact() if way else None
        if contact is None:
            return Ended.NO_CONTACT if not way or way[-1].retired != "merged" else Again("merging", sent=False)
        wanted = rule.then.mail if delivery.part == "mail" else rule.then.notify
        channel = None if wanted is None else self.rulebook.channels.get(wanted.channel)
        if wanted is None or channel is None:
            return Ended.NO_RULE
        if isinstance(wanted, Mail) and wanted.confirms:
            return await self._confirm(delivery, wanted, contact, channel)
        letter = self._letter(wanted.template, contact, delivery)
        if channel.webhook is not None:
            body = payload(delivery, letter, now)
            return await self._outside.post(channel.webhook, body, signed(delivery, body, channel.secret or "", now))
        if channel.smtp is None:
            return self._logged(delivery, contact)
        return await self._mail(delivery, rule, contact, channel, letter)

    async def _confirm(self, delivery: Delivery, wanted: Mail, contact: Contact, channel: Channel) -> Outcome:
        """Ask the address itself for the consent that a form asked for in its name."""
        state = askable(contact, wanted.purpose, delivery.occasion)
        if state is None or state.asked is None:
            return Ended.ANSWERED
        source = self.rulebook.sources.get(state.asked.source)
        asked = state.asked
        link = None if source is None else opt_in.link(asked.source, source, asked.record_id, asked.at)
        letter = self._letter(wanted.template, contact, delivery, link or "")
        if link is None or letter is None or channel.from_ is None or channel.smtp is None:
            return Ended.NO_RULE
        now = self._clock.now()
        if not await self._store.may_ask(mailbox_of(state), delivery, now):
            return Ended.TOO_SOON
        return await self._outside.mail(channel.smtp, mail(delivery, letter, channel.from_, state.address or "", now))

    def _letter(self, template: str | None, contact: Contact, delivery: Delivery, link: str = "") -> Letter | None:
        known = None if template is None else self.rulebook.templates.get(template)
        return None if known is None else known.letter(contact, Said(delivery.rule, delivery.occasion, link))

    async def _mail(
        self, delivery: Delivery, rule: Rule, contact: Contact, channel: Channel, letter: Letter | None
    ) -> Outcome:
        if letter is None or channel.from_ is None or channel.smtp is None:
            return Ended.NO_RULE
        recipient = _recipient(rule, contact, channel, delivery.part)
        if isinstance(recipient, Ended):
            return recipient
        message = mail(delivery, letter, channel.from_, recipient, self._clock.now())
        return await self._outside.mail(channel.smtp, message)

    def _logged(self, delivery: Delivery, contact: Contact) -> Outcome:
        self._log.info(
            "notification",
            notification_id=delivery.notification_id,
            contact_id=contact.contact_id,
            rule=delivery.rule,
            occasion=delivery.occasion,
        )
        return Ended.SENT


def _recipient(rule: Rule, contact: Contact, channel: Channel, part: str) -> str | Ended:
    """Who is written to: the contact under its consent, or one of us."""
    if part == "mail":
        purpose = rule.then.mail.purpose if rule.then.mail is not None else ""
        return mailable(contact, purpose) or Ended.NO_CONSENT
    named: Sequence[str | None] = (rule.then.notify.to if rule.then.notify is not None else None,)
    if named == ("owner",):
        owner = contact.owner or ""
        named = (channel.owners.get(owner), owner if "@" in owner else None)
    return next((one for one in (*named, channel.to) if one), Ended.NO_RECIPIENT)
