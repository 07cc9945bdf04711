"""The one way in which the local stack says no."""


class CannotRunError(Exception):
    """The local stack cannot run here and now; the text says why and what to do, fit for the user's eyes."""
