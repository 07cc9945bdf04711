"""Enrich: fills the gaps of a contact from itself and from what providers answered, and suggests what it only guesses.

Consumes      contacts.validated: contact.validated; contact.retired and interaction.resolved pass unchanged
Produces      contacts.enriched: contact.enriched, same contact id and version, with company domain, time zone, gender,
              language and salutation where they were missing and follow, with what providers of providers.yaml know,
              and suggestions for the rest; refresh.requested on contacts.received when an answer came late
State         facts, questions and who waits for them (`runtime`); breaker, rate and budget of each provider
              (enrich.provider). Without providers: none
Drops         not-ours: a type that has no business here
Dead-letters  too-large: with what was added the contact would exceed the size of a message
Guarantee     Nobody is asked on the way: a contact goes on at once with the facts there are, and is said again when a
              new one comes. Said again, it gets the same event id; the same facts give the same answer. Nothing that a
              source or a person said is replaced; every value added names `enrich:…` or `provider:…` as its source and
              how sure it is. A question is paid for once, and a budget never overspent; a worker that dies between a
              question and its answer has spent that one question, and it is asked once more. A domain that is added is
              not known to be reachable, and a person may use the mailbox of a former employer
"""
