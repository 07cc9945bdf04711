"""Contact Form 7: a message, sent by one of its webhook plugins as JSON or as a form.

- **Authentic**: it does not sign; a secret in the path, or a request header `Authorization: Bearer <secret>`.
- **Says**: one record for each message; what has no name of ours becomes an attribute.
- **Names**: those of the form's tags; `your-name`, `your-email` and `your-tel` of the sample form need no map.
- **Id and time**: there are none: each message is a record of its own, the same again within ten minutes a retry.
- **Retries**: none: the first answer has to be 202.
"""

from typing import Final

from services.ingest.connectors.hook import Connector, Hook, Payload, Says, Unreadable, record_from
from services.ingest.connectors.signatures import by_secret
from shared.domain.configuration import Source

DEFAULTS: Final = {"full_name": "your-name", "email": "your-email", "phone": "your-tel"}
"""The tags of the form that Contact Form 7 begins with."""


def _says(payload: Payload, hook: Hook, source: Source) -> list[Says] | Unreadable:
    return [record_from(payload, DEFAULTS, hook, source)]


CONNECTOR: Final = Connector(by_secret, _says)
