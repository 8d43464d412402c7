"""Landlock: a process gives up the right to write outside of some folders, for itself and all that it starts.

Source: the kernel's documentation, ``Documentation/userspace-api/landlock.rst``, and ``linux/landlock.h``.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

from ml_platform.core.confinement.libc import call

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_ASK_VERSION = 1
_PATH_BENEATH = 1

_WRITE_FILE, _REMOVE_FOLDER, _REMOVE_FILE = 1 << 1, 1 << 4, 1 << 5
_MAKE_DEVICES = 1 << 6 | 1 << 11
_MAKE_FOLDER, _MAKE_FILE, _MAKE_SOCKET, _MAKE_PIPE, _MAKE_LINK = 1 << 7, 1 << 8, 1 << 9, 1 << 10, 1 << 12
_LINK_OR_RENAME, _TRUNCATE, _DEVICE_IOCTL = 1 << 13, 1 << 14, 1 << 15
_IN_FOLDER = (
    _WRITE_FILE | _REMOVE_FOLDER | _REMOVE_FILE | _MAKE_FOLDER | _MAKE_FILE | _MAKE_SOCKET | _MAKE_PIPE | _MAKE_LINK
) | _LINK_OR_RENAME
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """Return the version of Landlock that this kernel has; 0 where it has none."""
    try:
        return call(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    except (OSError, AttributeError):
        return 0


def restrict_writes(folders: Sequence[Path], files: Sequence[Path]) -> None:
    """Let this thread, and what it starts from now on, write below `folders` and to `files`, and nowhere else.

    From Linux 6.12 on (version 6) it can also send no signal to a process outside, and reach none by an abstract
    socket. In every version it cannot trace a process outside, or read its memory and environment.

    Raises
    ------
    OSError
    """
    number = version()
    later = _TRUNCATE if number >= 3 else 0
    handled = _IN_FOLDER | _MAKE_DEVICES | later | (_DEVICE_IOCTL if number >= 5 else 0)
    scoped = _ABSTRACT_SOCKETS | _SIGNALS if number >= 6 else 0
    rules = _Ruleset(handled, 0, scoped)
    size = {True: 8, number >= 4: 16, number >= 6: 24}[True]
    ruleset = call(_CREATE_RULESET, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0))
    try:
        for folder in folders:
            _allow(ruleset, folder, _IN_FOLDER | later)
        for file in files:
            _allow(ruleset, file, _WRITE_FILE | later)
        call(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, allowed: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathRule(allowed, place)
        call(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(_PATH_BENEATH), ctypes.byref(rule), ctypes.c_uint32(0))
    finally:
        os.close(place)
