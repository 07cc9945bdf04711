"""Rules: categories, segments, priority, and the clean contact as everybody sees it.

Consumes      contacts.enriched: contact.enriched, contact.retired, interaction.resolved, in a restore what was
              requested before; contacts.clean, its own, to mend it
Produces      contacts.clean: the present state of every contact, tombstones; contacts.events: created, updated,
              deleted, erased, consent.changed, segment.entered, segment.left, notification.requested;
              contacts.received: refresh.requested, where an interaction or a date moves a rule; the last two through
              the outbox. Notifications, by log, signed web hook or mail
State         rules.contact (the document as said, the version seen, the version published; rows are never deleted),
              rules.lookup and rules.label (what contacts are found and listed by), rules.change and rules.timeline,
              rules.timer (when a contact is looked at again), rules.firing (what was requested, once for ever),
              rules.delivery (notifications on their way: ids, no address, no words), rules.asked (which inbox was
              asked for a confirmation, by hash)
Drops         unchanged: content known already, and nobody waits for it; redelivered: an interaction; not-ours
Dead-letters  invalid: an id that is no UUID; too-large: the clean contact would exceed the size of a message
Guarantee     A version is stored once and never overwritten by an older. What is on contacts.clean is what is stored;
              where a late process said something older, the row is said again. Events at least once, same id.
              Not every version is published, only the newest of a batch. What stuck to a contact merged away reaches
              the other with its next version. The timeline knows the first 100 records of a contact.
              A notification is requested once for each occasion, over merges too, and leaves at least once under one
              id, or at most once where its rule says so; to the contact only under its consent, or once an hour at
              most to ask for it where a form with double opt-in wants it
"""
