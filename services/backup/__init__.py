"""Backup: every version of every contact, everything received, decided and done, kept; to files, and back.

Consumes      contacts.received, contacts.clean, contacts.events, contacts.decided
Produces      contacts.received: in a restore what was received and decided before; erasure.requested, by the outbox
State         backup.version (every clean version and tombstone), backup.member and backup.home (who held a record ever,
              and last), backup.archive (what was received, byte for byte), backup.event (what happened), backup.decided
              (the newest of each identity, judgement, interaction and erasure), backup.run (what was asked for, under a
              lease), backup.erasure; rows are only ever added, and emptied where a person is erased
Drops         redelivered: kept before; not-ours: a type that has no business here, and what dedup sets aside
Dead-letters  invalid: an id that is no UUID, a version that is no number
Guarantee     Each version of a contact and each event is kept once, as it came. Versions that were never published are
              not there: rules publishes the newest of a batch. History lags the chain by what contacts.clean lags.
              A set of files is of one moment and whole, or it is none. A restore is said to an empty system through the
              chain, each contact when all of it is there; nothing in it is requested again
"""
