"""Reviews: doubtful groups as a queue for people, what they answered, and what follows from that for quality."""
