"""The wrongs that have a name: the data's and the world's. Ours is any other exception, and ends the process."""


class Malformed(ValueError):
    """Bytes that no reader can ever make sense of. Raised by the codec alone; becomes a dead letter.

    The text names the place and the kind of fault, never the value.
    """


class Transient(Exception):
    """The world is away for now: retried with growing pauses for as long as it lasts, never a dead letter.

    Raised only by `store.py`, `client.py`, the database and the broker.
    """


class Refused(Exception):
    """The store refuses a value for good, such as a text or number it cannot hold: the data's wrong, found late.

    Raised only by the database. The loop looks for the message that brought it, and sets that one aside.
    """
