"""Runs a command as another user: `python unprivileged.py UID GID pass|plain COMMAND …`, called by root only.

Postgres refuses to run as root, and so runs as a user without rights. Such a user cannot reach a folder below one
that only root may enter (a home folder, a temporary folder of a test). Opening other people's folders for it would be
wrong; with `pass` the command instead keeps one single capability, to look past the permissions on the way.
Its own files belong to it in either case.
"""

import ctypes
import os
import sys

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
PR_SET_KEEPCAPS, PR_CAPBSET_READ, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 8, 23, 47, 2
CAPABILITY_VERSION_3 = 0x20080522
"""Of linux/capability.h: header (version, pid) and two triples effective, permitted, inheritable of 32 bits each."""


def main() -> None:
    """Drop to the user, keep the capability if asked to, and become the command."""
    uid, gid, mode, *command = sys.argv[1:]
    libc = ctypes.CDLL(None, use_errno=True)
    capability = _passing(libc) if mode == "pass" else None
    if capability is not None:
        _checked(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), "keep capabilities")
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))
    if capability is not None:
        bits = 1 << capability
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        data = (ctypes.c_uint32 * 6)(bits, bits, bits, 0, 0, 0)
        _checked(libc.capset(header, data), "set capabilities")
        _checked(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0), "hand a capability on")
    os.execv(command[0], command)  # noqa: S606 - to become it is the purpose


def _passing(libc: ctypes.CDLL) -> int:
    """The smaller capability that opens the way; containers often grant only the larger one."""
    for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE):
        if libc.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1:
            return capability
    sys.exit(
        "PostgreSQL runs without root's rights and cannot enter the folder, and this root may not let it in (neither "
        "CAP_DAC_READ_SEARCH nor CAP_DAC_OVERRIDE). Start as an ordinary user, or put checkout and data folder where "
        "every user may enter, for example below /var/tmp."
    )


def _checked(result: int, what: str) -> None:
    if result != 0:
        sys.exit(f"cannot {what}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()
