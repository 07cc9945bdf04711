"""Validate: says what is right, wrong, missing, stale or mistyped in every contact, and changes no meaning.

Consumes      contacts.resolved: contact.resolved; contact.retired and interaction.resolved pass unchanged
Produces      contacts.validated: contact.validated, same contact id and version, with status of every mail address,
              number and postal address, findings (docs/findings.md), suggestions, completeness and quality score
State         facts: which domains take mail (DNS, asked beside the way), which mailboxes send back (interactions); who
              waits for an answer; contacts to be said again. The rest follows from contact, configuration and day
Drops         not-ours: a resolved message that only carries decisions, or a type that has no business here
Dead-letters  too-large: with its findings the contact would exceed the size of a message
Guarantee     Nobody outside is waited for: what is not answered yet is `unknown`, and comes by a refresh. A silence is
              never an answer. Said again, a contact gets the same event id, and the same answer until a fact changes.
              `valid` means that nothing known speaks against a value, not that a mailbox or a line exists. No value is
              lost or guessed: spellings are made usual, slips become suggestions
"""
