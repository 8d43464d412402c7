"""How many places of a limited action are taken each day, counted for all processes that recommend it."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Literal, Protocol

from ml_platform.core.errors import OnlineStoreUnavailable
from ml_platform.core.private_files import private_folder

Taker = Literal["service", "batch"]
"""Who takes places: the workers of the prediction service together, or batch scoring."""
Choose = Callable[[int, int], int]
"""Sees how many places the taker and the other one have, and returns how many the taker has from then on."""


class Places(Protocol):
    """Counts places. Whatever is killed when, no place is given twice; one may be lost."""

    def take(self, model: str, day: str, taker: Taker, choose: Choose) -> None:
        """Change how many places of a day a taker has.

        Parameters
        ----------
        choose
            Called once more where another process took places in between.

        Raises
        ------
        OnlineStoreUnavailable
            Where they cannot be counted: none was taken, or more than are given.
        """
        ...


class FilePlaces:
    """Counts for the processes of one machine, in a file for each model and day.

    Parameters
    ----------
    folder
        Created with the first place.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, model: str, day: str, taker: Taker, choose: Choose) -> None:
        """Count under the lock of the day's file, and hand the count to the operating system."""
        path = self._folder / f"{model}.{day}"
        try:
            private_folder(self._folder)
            file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)  # it ends with the file, and with the process
                counts = os.pread(file, _COUNTS.size, 0).ljust(_COUNTS.size, b"\0")
                service, batch = _COUNTS.unpack(counts)
                mine, others = (service, batch) if taker == "service" else (batch, service)
                after = choose(mine, others)
                if after != mine:
                    pair = (after, others) if taker == "service" else (others, after)
                    if os.pwrite(file, _COUNTS.pack(*pair), 0) != _COUNTS.size:
                        raise OSError("there is no space for a count")
            finally:
                os.close(file)
            if not any(counts):
                self._forget_before(model, day)
        except OSError as error:
            problem = error.strerror or error
            raise OnlineStoreUnavailable(
                f"the places of a limited action cannot be counted in {path}: {problem}. Free space or give the right "
                "to write."
            ) from None

    def _forget_before(self, model: str, day: str) -> None:
        """Remove the files of days before the last one: a run at midnight may still be of that one."""
        known = sorted(path for path in self._folder.glob(f"{model}.*") if path.name < f"{model}.{day}")
        for path in known[:-1]:
            path.unlink(missing_ok=True)


_COUNTS = struct.Struct("<QQ")
