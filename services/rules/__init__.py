"""Rules: categories, segments, priority, and the clean contact as everybody sees it.

Consumes      contacts.enriched: contact.enriched, contact.retired, interaction.resolved; contacts.clean, its own, to
              mend it
Produces      contacts.clean: the present state of every contact, tombstones; contacts.events: created, updated,
              deleted, consent.changed, segment.entered, segment.left; contacts.received: refresh.requested, where an
              interaction moves a rule; both through the outbox
State         rules.contact (the document as said, the version seen, the version published; rows are never deleted),
              rules.lookup and rules.label (what contacts are found and listed by), rules.change and rules.timeline
Drops         unchanged: content known already, and nobody waits for it; redelivered: an interaction; not-ours
Dead-letters  invalid: an id that is no UUID; too-large: the clean contact would exceed the size of a message
Guarantee     A version is stored once and never overwritten by an older. What is on contacts.clean is what is stored;
              where a late process said something older, the row is said again. Events at least once, same id.
              Not every version is published, only the newest of a batch. What stuck to a contact merged away reaches
              the other with its next version. The timeline knows the first 100 records of a contact
"""
