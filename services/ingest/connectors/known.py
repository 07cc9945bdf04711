"""Known: the vendors there are, by the name that `connector` has in sources.yaml."""

from collections.abc import Mapping
from typing import Final

from services.ingest.connectors import (
    brevo,
    calendly,
    cleverreach,
    contact_form_7,
    debezium,
    eventbrite,
    form,
    generic,
    gravity_forms,
    hubspot,
    jotform,
    mailchimp,
    pretix,
    standard_webhooks,
    stripe,
    tally,
    typeform,
)
from services.ingest.connectors.hook import Connector
from shared.domain.configuration import Source

CONNECTORS: Final[Mapping[str, Connector]] = {
    "brevo": brevo.CONNECTOR,
    "calendly": calendly.CONNECTOR,
    "cleverreach": cleverreach.CONNECTOR,
    "contact-form-7": contact_form_7.CONNECTOR,
    "debezium": debezium.CONNECTOR,
    "eventbrite": eventbrite.CONNECTOR,
    "form": form.CONNECTOR,
    "generic": generic.CONNECTOR,
    "gravity-forms": gravity_forms.CONNECTOR,
    "hubspot": hubspot.CONNECTOR,
    "jotform": jotform.CONNECTOR,
    "mailchimp": mailchimp.CONNECTOR,
    "pretix": pretix.CONNECTOR,
    "standard-webhooks": standard_webhooks.CONNECTOR,
    "stripe": stripe.CONNECTOR,
    "tally": tally.CONNECTOR,
    "typeform": typeform.CONNECTOR,
}


def connector_of(source: Source) -> Connector:
    """How hooks of this source are read; a source that has none of its own (a pulled table) reads them as generic."""
    return CONNECTORS.get(source.connector, generic.CONNECTOR)
