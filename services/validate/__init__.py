"""Validate: says what is right, wrong, missing, stale or mistyped in every contact, and changes no meaning.

Consumes      contacts.resolved: contact.resolved; contact.retired and interaction.resolved pass unchanged
Produces      contacts.validated: contact.validated, same contact id and version, with status of every mail address,
              number and postal address, findings (docs/findings.md), suggestions, completeness and quality score
State         none: the answer follows from the contact, the configuration and the day on which dedup said it
Drops         not-ours: a resolved message that only carries decisions, or a type that has no business here
Dead-letters  too-large: with its findings the contact would exceed the size of a message
Guarantee     Said again, a contact gets the same event id and the same answer. Nothing is asked of the outside, so
              `valid` means that nothing known here speaks against a value, not that a mailbox or a line exists. No
              value is lost or guessed: spellings are made usual, slips become suggestions
"""
