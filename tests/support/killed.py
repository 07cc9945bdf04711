"""The death of a process, for tests that go on living."""


class Killed(BaseException):
    """No handler of errors catches it, as none catches a kill.

    Not KeyboardInterrupt: asyncio lets that one out of the event loop itself, and the whole run of tests ends with it.
    """
