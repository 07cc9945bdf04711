"""What every service shares: the path of the data, its words, and what services run on."""
