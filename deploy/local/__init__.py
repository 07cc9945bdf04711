"""The local stack: a real Kafka and a real Postgres as child processes, beside compose and Kubernetes a third place to run.

Services cannot tell the three apart; only the launcher's `up`, the demo and the tests reach for it.
"""
