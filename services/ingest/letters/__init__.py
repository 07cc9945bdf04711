"""Dead letters for people: listed, read, mended, sent again, given up, and let go once they are old."""
