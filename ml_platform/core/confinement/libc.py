"""System calls that Python has no function for."""

from __future__ import annotations

import ctypes
import os
from functools import cache

_SET_NO_NEW_PRIVILEGES, _DROP_FROM_BOUNDS = 38, 24
_CAPABILITIES, _CAPABILITIES_VERSION = 64, 0x20080522


@cache
def library() -> ctypes.CDLL:
    """Return the C library of the process."""
    return ctypes.CDLL(None, use_errno=True)


def call(number: int, *arguments: object) -> int:
    """Do a system call by its number, and return what it returned.

    Raises
    ------
    OSError
    """
    return _checked(int(library().syscall(ctypes.c_long(number), *arguments)))


def control(option: int, *arguments: object) -> int:
    """Change a setting of the process (`prctl`).

    Raises
    ------
    OSError
    """
    padded = [*arguments, *[ctypes.c_ulong(0)] * (4 - len(arguments))]
    return _checked(int(library().prctl(option, *padded)))


def give_up_privileges() -> None:
    """Give up every capability of the superuser, and every way to get one back by starting another program."""
    for capability in range(_CAPABILITIES):
        library().prctl(_DROP_FROM_BOUNDS, ctypes.c_ulong(capability), *[ctypes.c_ulong(0)] * 3)
    control(_SET_NO_NEW_PRIVILEGES, ctypes.c_ulong(1))
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_VERSION, 0)
    _checked(int(library().capset(header, (ctypes.c_uint32 * 6)())))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
