"""The local stack: real Kafka, real Postgres and all services as child processes of one supervisor.

Services cannot tell the three apart; only the launcher's `up`, the demo and the tests reach for it.
"""
