"""Confining the process: the kernel refuses what it must not do, whatever its code tries."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from ml_platform.core.confinement.landlock import restrict_writes, version
from ml_platform.core.confinement.libc import give_up_privileges
from ml_platform.core.confinement.system_calls import filter_calls, is_known_machine

_LEAST_VERSION = 2
_PLACES_TO_FORGET = (Path("/dev/null"),)


def why_not() -> str | None:
    """Return why this machine cannot confine a process; None where it can."""
    if sys.platform != "linux":
        return f"the system is {sys.platform}; only Linux can confine a process"
    if not is_known_machine():
        return "the processor is neither x86_64 nor aarch64"
    number = version()
    if number < _LEAST_VERSION:
        has = f"has version {number} of Landlock" if number else "has no Landlock, or it is switched off"
        return f"the kernel {has}; version {_LEAST_VERSION} is needed (Linux 5.19)"
    return None


def confine(writable: Sequence[Path], *, network: bool = False) -> None:
    """Let this process, and everything that it starts, write in some folders only, from now on and for good.

    Outside of them it can make, change, rename, link and remove nothing, nor change modes, owners, times or
    attributes. It cannot trace another process or read its environment, and has no privilege of the superuser. Call it
    before other threads begin: it holds for this thread and what it starts.

    Parameters
    ----------
    writable
        Folders that exist.
    network
        Whether sockets may be made; without it there is no way to another machine, or to a local server.

    Raises
    ------
    OSError
        Where the kernel refuses to confine the process.
    """
    give_up_privileges()
    restrict_writes(writable, _PLACES_TO_FORGET)
    filter_calls(network=network)
