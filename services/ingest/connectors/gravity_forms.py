"""Gravity Forms: an entry, sent by its Webhooks add-on as JSON or as a form.

- **Authentic**: it does not sign; a secret in the path, or a request header `Authorization: Bearer <secret>`.
- **Says**: one record for each entry. Address and browser of the visitor stay out.
- **Names**: `map` names the numbers of the fields (`given_name: "1.3"`), or the keys that were chosen in the add-on.
- **Id and time**: form and entry (`form_id`, `id`), and `date_created`, which is in UTC. Without an id each delivery is
  a record of its own, and the same again within ten minutes a retry.
- **Retries**: the add-on tries once: the first answer has to be 202.
"""

from typing import Final

from services.ingest.connectors.hook import Connector, Hook, Payload, Says, Unreadable, record_from, text_at
from services.ingest.connectors.signatures import by_secret
from shared.domain.configuration import Source

LEFT_OUT: Final = frozenset(("id", "form_id", "date_created", "ip", "user_agent"))
"""What is no answer of the visitor: the ids, which are taken apart, and traces that nobody gave consent to."""


def _says(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    entry, form = text_at(payload, "id"), text_at(payload, "form_id")
    named = {name: value for name, value in payload.items() if name not in LEFT_OUT}
    ids = {"source_record_id": f"{form}-{entry}" if entry else "", "observed_at": text_at(payload, "date_created")}
    return [record_from(named, {}, hook, source, **ids)]


CONNECTOR: Final = Connector(by_secret, _says)
