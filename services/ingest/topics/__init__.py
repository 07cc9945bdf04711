"""Topics of others: tables whose every change somebody else's Kafka Connect writes to a topic (Debezium)."""
