"""Faults: what is wrong with a rule besides its condition, and with the channels and templates it names."""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from services.rules.core.delivering import key_of
from services.rules.core.schema import meant
from services.rules.core.templates import CONFIRM_LINK, Template
from shared.domain.configuration import Channel, Mail, Notify, Rule, Then

SCORE_MAX: Final = 100
"""Points of one rule, either way: the priority goes from 0 to 100 points."""

NAME_LENGTH_MAX: Final = 100
"""Names of categories and segments stand in URLs, events and lists."""

_ADDRESS: Final = re.compile(r"[^@\s<>]+@[^@\s<>]+")


def faults_of_rule(rule: Rule, channels: Mapping[str, Channel], templates: Mapping[str, Template]) -> Iterator[str]:
    """Every fault as `key: what`."""
    then = rule.then
    confirms = then.mail is not None and then.mail.confirms
    if confirms and rule.at is not None:
        yield "at: says nothing beside confirms: a confirmation is asked for when a form asked"
    if rule.when is None and rule.at is None and not confirms:
        yield "when: is missing; a rule has a condition, a date (at), or both"
    if then == Then():
        yield "then: says nothing; give it a category, a segment, a score, notify or mail"
    yield from _of_labels(then)
    if then.notify is not None:
        yield from _of_notify(then.notify, channels, templates)
    if then.mail is not None:
        yield from _of_mail(then.mail, channels, templates)


def _of_labels(then: Then) -> Iterator[str]:
    if abs(then.score) > SCORE_MAX:
        yield f"then.score: is from -{SCORE_MAX} to {SCORE_MAX}"
    for key, name in (("category", then.category), ("segment", then.segment)):
        if name is not None and (not name.strip() or len(name) > NAME_LENGTH_MAX or not name.isprintable()):
            yield f"then.{key}: a name has 1 to {NAME_LENGTH_MAX} printable characters"


def _of_mail(mail: Mail, channels: Mapping[str, Channel], templates: Mapping[str, Template]) -> Iterator[str]:
    channel = channels.get(mail.channel)
    if channel is None:
        yield f"then.mail.channel: no channel {mail.channel}{_known(mail.channel, channels)}"
    elif channel.smtp is None:
        yield f"then.mail.channel: {mail.channel} sends no mail; give it smtp and from in channels.yaml"
    if mail.template not in templates:
        yield f"then.mail.template: no template {mail.template}{_known(mail.template, templates)}"
    else:
        yield from _of_link(mail, templates[mail.template])


def _of_link(mail: Mail, template: Template) -> Iterator[str]:
    """A mail that asks for a confirmation has the link, and no other mail has."""
    place = f"{{{{ {CONFIRM_LINK} }}}}"
    try:
        confirms = template.confirms
    except ValueError as error:
        yield f"then.mail.template: {mail.template} {error}"
        return
    if mail.confirms and not confirms:
        yield f"then.mail.template: {mail.template} confirms nothing without the place {place}"
    if confirms and not mail.confirms:
        yield f"then.mail.template: {mail.template} has the place {place}, which only `confirms: true` fills"


def _of_notify(notify: Notify, channels: Mapping[str, Channel], templates: Mapping[str, Template]) -> Iterator[str]:
    channel = channels.get(notify.channel)
    if channel is None:
        yield f"then.notify.channel: no channel {notify.channel}{_known(notify.channel, channels)}"
    elif channel.smtp is None:
        if notify.to is not None:
            yield f"then.notify.to: {notify.channel} sends no mail, and tells whoever listens"
    elif notify.template is None:
        yield "then.notify.template: is missing; a mail needs words"
    elif notify.to is None and channel.to is None:
        yield "then.notify.to: is missing; say owner or an address, or give the channel a `to`"
    if notify.to is not None and notify.to != "owner" and not _ADDRESS.fullmatch(notify.to):
        yield "then.notify.to: is owner or a mail address"
    if notify.template is not None and notify.template in templates and templates[notify.template].confirms:
        yield f"then.notify.template: {notify.template} asks for a confirmation, which is nobody's but the contact's"
    if notify.template is not None and notify.template not in templates:
        yield f"then.notify.template: no template {notify.template}{_known(notify.template, templates)}"


def faults_of_channel(channel: Channel) -> Iterator[str]:
    """Every fault as `key: what`; never a value, which may be a secret."""
    if channel.smtp is not None and channel.webhook is not None:
        yield "is mail or a web hook, not both: make two channels"
    if channel.smtp is not None:
        yield from _of_smtp(channel, channel.smtp)
    elif channel.from_ is not None or channel.to is not None or channel.owners:
        yield "from, to and owners go with smtp"
    if channel.webhook is not None:
        yield from _of_webhook(channel.webhook, channel.secret)
    elif channel.secret is not None:
        yield "secret: goes with webhook"


def _of_smtp(channel: Channel, url: str) -> Iterator[str]:
    if not _is_url(url, "smtp", "smtps"):
        yield "smtp: is a URL such as smtp://user:password@host:587"
    if channel.from_ is None or not _ADDRESS.search(channel.from_):
        yield "from: is the address that mails come from"
    for key, address in (("to", channel.to), *((f"owners.{name}", one) for name, one in channel.owners.items())):
        if address is not None and not _ADDRESS.fullmatch(address):
            yield f"{key}: is a mail address"


def _of_webhook(url: str, secret: str | None) -> Iterator[str]:
    if not _is_url(url, "http", "https"):
        yield "webhook: is a URL such as https://example.org/hooks/sales"
    try:
        key_of(secret or "")
    except ValueError as error:
        yield f"secret: {error}"


def _is_url(text: str, *schemes: str) -> bool:
    try:
        url = urlsplit(text)
        return url.scheme in schemes and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        return False


def _known(name: str, known: Mapping[str, object]) -> str:
    return meant(name, sorted(known)) if known else "; there are none"
