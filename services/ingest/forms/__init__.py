"""Forms on pages: the link in the mail of a double opt-in, and the page behind it."""
