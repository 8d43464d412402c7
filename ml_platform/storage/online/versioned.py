"""Two versions of a record in one value, so that a store without transactions over many steps can switch at once.

A value holds the record of the newest generation that wrote it, and the one before. A reader of generation g takes the
newest if its generation is at most g, else the one before. So records are written bit by bit, and seen all at once:
when the number of the current generation moves.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

_HEAD = struct.Struct("<Qii")


class Versions(NamedTuple):
    """The record that a generation wrote, and the one before; None is no record."""

    generation: int
    newest: bytes | None
    before: bytes | None

    def at(self, generation: int) -> bytes | None:
        """Return the record that readers of a generation see."""
        return self.newest if self.generation <= generation else self.before

    def to_bytes(self) -> bytes:
        """Return both in one value."""
        sizes = [-1 if record is None else len(record) for record in (self.newest, self.before)]
        return _HEAD.pack(self.generation, *sizes) + (self.newest or b"") + (self.before or b"")

    @classmethod
    def from_bytes(cls, value: bytes) -> Versions:
        """Return what `to_bytes` gave."""
        generation, newest, before = _HEAD.unpack_from(value)
        middle = _HEAD.size + max(newest, 0)
        return cls(
            generation,
            value[_HEAD.size : middle] if newest >= 0 else None,
            value[middle : middle + before] if before >= 0 else None,
        )


NO_VERSIONS = Versions(0, None, None)
