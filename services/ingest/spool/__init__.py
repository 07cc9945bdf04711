"""What is said goes to Kafka, and while that is away onto the disk: the front door stays open."""
