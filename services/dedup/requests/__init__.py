"""What operators ask of dedup over `contacts.received`: to restore contacts from a backup, and to forget a person."""
