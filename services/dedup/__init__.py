"""Dedup: which records are one person, and the golden record that follows.

Consumes      contacts.received: records, deletions, interactions, requests to say a contact again or to forget it, and
              what a restore brings.
Produces      contacts.resolved: a snapshot for every contact that changed, with the events it answers; contact.retired
              for one that is gone; interaction.resolved. contacts.events: merged, split, revived, review.opened.
              contacts.decided: identities, judgements, pins, interactions with their records, erasures.
State         schema dedup: records with their comparable form and blocking keys, evidence between pairs, contacts with
              version and redirects, decisions by event, judgements, pins, reviews, interactions that wait, what is
              unsaid; epochs of the population and runs of `reconcile`; parts of contacts that are being restored,
              keyed hashes of the erased.
Drops         redelivered, superseded (a later deletion had overtaken it), unchanged (says nothing new, or takes back
              what is gone), unknown-record (a deletion of what never came), unknown-contact (nobody came in 30 days),
              erased (received before its person was erased).
Dead-letters  invalid (an id is no UUID, no value), too-large (its contact would not fit into a message).
Guarantee     Each event has its effect once. Two records that arrive at the same moment are compared; no contact is
              regrouped from stale membership. What was committed is said, whatever dies. Not promised: the very same
              contacts for every order of arrival before `reconcile` (one pair in a thousand may differ).
"""
