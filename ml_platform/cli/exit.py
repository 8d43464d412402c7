"""The command line's process: how a short one keeps short, and how each ends."""

from __future__ import annotations

import atexit
import errno
import gc
import io
import os
import sys
import threading
from typing import NoReturn

from ml_platform.core.errors import DeclarationError, PlatformError, code_of

_ROOM = "Make room, and do it again."
_RIGHT = "Give this user the right to read and write there, or name another folder."
_PATH = "Correct the path."
_SERVER = "Check that the server runs and that its address is right."
REMEDIES = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EACCES: _RIGHT,
    errno.EPERM: _RIGHT,
    errno.EROFS: _RIGHT,
    errno.ENOTDIR: _PATH,
    errno.EISDIR: _PATH,
    errno.EEXIST: "A file has the name of the folder that is needed. Remove it, or name another folder.",
    errno.ENAMETOOLONG: _PATH,
    errno.ELOOP: "A link leads to itself. " + _PATH,
    errno.EMFILE: "Allow more open files (ulimit -n).",
    errno.EIO: "Check the disk.",
    errno.ECONNREFUSED: _SERVER,
    errno.ECONNRESET: _SERVER,
    errno.EHOSTUNREACH: _SERVER,
    errno.ENETUNREACH: _SERVER,
    errno.ETIMEDOUT: _SERVER,
}
"""What to do about the errors of the operating system that are not the program's, by their number."""

INTERRUPTED = 130
"""The exit code after Ctrl-C."""
_COLLECT_AFTER = 100_000


def sentence_of(error: OSError) -> str | None:
    """Return what is wrong and what to do, or None where the error may be the program's own."""
    remedy = REMEDIES.get(error.errno or 0)
    return None if remedy is None else f"{error.filename or 'what is printed'}: {error.strerror}. {remedy}"


def fault_of(error: Exception) -> str | None:
    """Return what is wrong, where, and what to do; None for an error of the program, which ends in a traceback."""
    if isinstance(error, PlatformError):
        first = error.faults[0].code if isinstance(error, DeclarationError) and error.faults else None
        return f"{error}\n{_code_line(first or code_of(type(error)).code)}"
    return sentence_of(error) if isinstance(error, OSError) else None


def without_code(printed: str) -> list[str]:
    """Return the lines that another process printed about its fault, without the line that names the code."""
    return [line for line in printed.strip().splitlines() if line != _code_line(line.partition(":")[0])]


def _code_line(code: str) -> str:
    return f"{code}: `ml-platform error {code}` shows cause and cure."


def collect_seldom() -> None:
    """Look for garbage seldom: imports make some 600,000 objects that stay, and would be looked through repeatedly.

    Measured for the first run of the smallest project: 0.7 s of processor time in the collector in place of 1.9 s.
    """
    gc.set_threshold(_COLLECT_AFTER)


def leave(code: int) -> NoReturn:
    """End the process as ``sys.exit`` does, but leave its memory to the operating system.

    It takes time to take apart everything that SciPy, pandas and Ibis made: measured, ``graph`` takes 0.78 of the
    processor time that it takes with ``sys.exit``, ``validate`` and ``snapshots`` 0.95 (decision 34). What is
    registered for the end is done first, and what was printed is written out. Where another thread is still at work,
    the process waits for it and ends the long way.

    Parameters
    ----------
    code
        0 for success. It becomes 1 where what was printed cannot be written.
    """
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        sys.exit(code)
    atexit._run_exitfuncs()
    os._exit(code if _written() else 1)


def _written() -> bool:
    """Flush what was printed; the reader may have closed the pipe, the disk may be full, or no stream may be open."""
    output, faults = sys.stdout or io.StringIO(), sys.stderr or io.StringIO()
    try:
        output.flush()
    except BrokenPipeError:
        return False
    except OSError as error:
        print(f"what is printed: {error.strerror}. Give it another place.", file=faults)
        return False
    finally:
        faults.flush()
    return True
