"""The two ways in which the local stack says no."""


class CannotRunError(Exception):
    """The local stack cannot run here and now; the text says why and what to do, fit for the user's eyes."""


class WrongWishError(CannotRunError):
    """What was asked for makes no sense on any machine: wrong usage, not bad luck."""
