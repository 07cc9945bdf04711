"""Backup: every version of every contact, everything that was received and everything that happened, kept.

Consumes      contacts.received, contacts.clean, contacts.events
Produces      nothing
State         backup.version (every clean version and tombstone), backup.member (who ever held a record),
              backup.archive (what was received, byte for byte), backup.event (what happened); rows are only ever added
Drops         redelivered: kept before; not-ours: a type that has no business here
Dead-letters  invalid: an id that is no UUID, a version that is no number
Guarantee     Each version of a contact and each event is kept once, as it came. Versions that were never published are
              not there: rules publishes the newest of a batch. History lags the chain by what contacts.clean lags
"""
