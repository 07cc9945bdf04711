"""Enrich: fills the gaps of a contact that the contact itself can fill, and suggests what it can only guess.

Consumes      contacts.validated: contact.validated; contact.retired and interaction.resolved pass unchanged
Produces      contacts.enriched: contact.enriched, same contact id and version, with company domain, time zone, gender,
              language and salutation where they were missing and follow, and suggestions for the rest
State         none: the answer follows from the contact alone; no provider is asked over the network
Drops         not-ours: a type that has no business here
Dead-letters  too-large: with what was added the contact would exceed the size of a message
Guarantee     Said again, a contact gets the same event id and the same answer. Nothing that is there is replaced;
              every value added names `enrich:…` as its source and how sure it is. A domain that is added is not known
              to be reachable, and a person may use the mailbox of a former employer
"""
