"""Who writes: the operating system's user, the machine and the process, whatever name is claimed."""

from __future__ import annotations

import functools
import os
import pwd
import socket


def real_user() -> str:
    """Return the name of the user that the process runs as, and never what a variable such as LOGNAME claims."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:  # a container's user may have a number only
        return f"uid {number}"


@functools.cache
def host() -> str:
    """Return the name of the machine."""
    return socket.gethostname()


def process_number() -> int:
    """Return the number of the process."""
    return os.getpid()
