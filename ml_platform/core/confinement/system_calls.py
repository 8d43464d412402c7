"""A filter of system calls: what changes a file without writing to it, and ways around the limits on files.

Landlock does not limit the change of a file's mode, owner, times and attributes. The filter does, and the process
cannot remove it. Source: the kernel's ``Documentation/userspace-api/seccomp_filter.rst``.
"""

from __future__ import annotations

import ctypes
import errno
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ml_platform.core.confinement.libc import control

_SET_FILTER, _MODE_FILTER = 22, 2
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _MACHINE, _FIRST, _SECOND = 0, 4, 16, 24
"""Where the data of a system call hold its number, the machine, and the lower halves of two arguments."""
_ALLOW, _FAIL, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_X32 = 0x40000000
_SET_FLAGS = (0x40086602, 0x401C5820)


@dataclass(frozen=True)
class _Machine:
    """Numbers of system calls on one kind of machine.

    Attributes
    ----------
    modes
        Calls that change mode, owner or times of a file. They do nothing and report success: libraries that copy
        files need no more.
    refused
        Calls that fail.
    """

    number: int
    modes: tuple[int, ...]
    attributes: tuple[int, ...]
    refused: tuple[int, ...]
    ioctl: int
    limits: int
    socket: int


# mount, umount2, pivot_root, chroot, ptrace, process_vm_writev, init_module, finit_module, delete_module, kexec_load,
# kexec_file_load, bpf, perf_event_open, keyctl, add_key, request_key, reboot, settimeofday, clock_settime, sethostname,
# setns, unshare, swapon, swapoff, quotactl, truncate; then the calls with one number everywhere: io_uring_setup,
# pidfd_getfd, mount_setattr, open_tree, move_mount, fsopen, fsconfig, fsmount, file_setattr
_EVERYWHERE = (425, 438, 442, 428, 429, 430, 431, 432, 469)
_MACHINES: Mapping[str, _Machine] = {
    "x86_64": _Machine(
        number=0xC000003E,
        modes=(90, 91, 268, 452, 92, 93, 94, 260, 132, 235, 261, 280),
        attributes=(188, 189, 190, 197, 198, 199, 463, 466),
        refused=(
            *(165, 166, 155, 161, 101, 311, 175, 313, 176, 246, 320, 321, 298, 250, 248, 249, 169, 164, 227, 170),
            *(308, 272, 167, 168, 179, 76, *_EVERYWHERE),
        ),
        ioctl=16,
        limits=302,
        socket=41,
    ),
    "aarch64": _Machine(
        number=0xC00000B7,
        modes=(52, 53, 452, 55, 54, 88),
        attributes=(5, 6, 7, 14, 15, 16, 463, 466),
        refused=(
            *(40, 39, 41, 51, 117, 271, 105, 273, 106, 104, 294, 280, 241, 219, 217, 218, 142, 170, 112, 161),
            *(268, 97, 224, 225, 60, 45, *_EVERYWHERE),
        ),
        ioctl=29,
        limits=261,
        socket=198,
    ),
}


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction)))


def is_known_machine() -> bool:
    """Return whether the numbers of system calls of this kind of machine are known."""
    return platform.machine() in _MACHINES


def filter_calls(*, network: bool) -> None:
    """Refuse system calls that change files in other ways than by writing, for good; and sockets, without `network`.

    The process must have given up its privileges before.

    Raises
    ------
    OSError
    """
    written = [_Instruction(*line) for line in _filter(_MACHINES[platform.machine()], network=network)]
    instructions = (_Instruction * len(written))(*written)
    program = _Program(len(written), instructions)
    control(_SET_FILTER, ctypes.c_ulong(_MODE_FILTER), ctypes.byref(program))


def _filter(machine: _Machine, *, network: bool) -> Iterator[tuple[int, int, int, int]]:
    yield _LOAD, 0, 0, _MACHINE
    yield _IF_EQUAL, 1, 0, machine.number
    yield _RETURN, 0, 0, _KILL
    yield _LOAD, 0, 0, _NUMBER
    yield _IF_AT_LEAST, 0, 1, _X32  # a second set of numbers on x86_64
    yield _RETURN, 0, 0, _FAIL | errno.ENOSYS
    answers = dict.fromkeys(machine.modes, 0) | dict.fromkeys(machine.attributes, errno.ENOTSUP)
    answers |= dict.fromkeys(machine.refused, errno.EPERM)
    answers |= {} if network else {machine.socket: errno.EACCES}
    for number, answer in answers.items():
        yield _IF_EQUAL, 0, 1, number
        yield _RETURN, 0, 0, _FAIL | answer
    yield _IF_EQUAL, 0, 4, machine.limits  # of another process
    yield _LOAD, 0, 0, _FIRST
    yield _IF_EQUAL, 1, 0, 0
    yield _RETURN, 0, 0, _FAIL | errno.EPERM
    yield _LOAD, 0, 0, _NUMBER
    yield _IF_EQUAL, 0, 4, machine.ioctl
    yield _LOAD, 0, 0, _SECOND
    yield _IF_EQUAL, 1, 0, _SET_FLAGS[0]
    yield _IF_EQUAL, 0, 1, _SET_FLAGS[1]
    yield _RETURN, 0, 0, _FAIL | errno.EPERM
    yield _RETURN, 0, 0, _ALLOW
