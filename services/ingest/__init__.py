"""ingest: the front door. Is it authentic, what does it say, have we had it; and what became of it.

- **Consumes**: HTTP (records, deletions, interactions, vendors' hooks, forms and their confirmations); tables, lists
  and topics of others, as far as sources.yaml names them; to keep receipts it follows `contacts.received`,
  `contacts.resolved`, `contacts.clean` and every dead-letter topic.
- **Produces**: `contacts.received`; hook bodies that nobody can read go to `contacts.dead-letter.ingest` as they came.
- **State**: schema `ingest`: the last state of every record, receipts, idempotency keys, the newest version seen of
  every contact, where the dead letters lie. All of it but the keys can be made again from the topics.
- **Drops**: nothing. A delivery that was had before gets the receipt it got then.
- **Dead-letters**: `unreadable`, `not-utf8`, `invalid`, `too-large`, `nothing-to-go-by`, `unfetched`: authentic
  hook bodies only; they never count against a limit that would stop ingest.
- **Guarantee**: 202 means that Kafka has it on all replicas in sync or, while Kafka is away, that it lies synced in the
  spool of this process, which is brought over in order (without a spool, or with a full one: 503). Receipts are written
  afterwards and may lag a few seconds. With Postgres away deliveries are still accepted, and called duplicates by
  nobody: dedup's insert-once decides.
"""
