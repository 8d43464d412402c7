"""All members of a .bz2 or .xz file. The standard library's readers end silently where a later one is damaged."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable
from typing import Any

_STEP = 1 << 20
_DECOMPRESSORS: dict[str, Callable[[], Any]] = {".bz2": bz2.BZ2Decompressor, ".xz": lzma.LZMADecompressor}


def is_of_members(path: str) -> bool:
    """Return whether a path names such a file."""
    return path.endswith(tuple(_DECOMPRESSORS))


class MemberStream:
    """Reads what a file of compressed members holds.

    Parameters
    ----------
    packed
        The file, read as bytes.
    path
        Its name, which shows how it is compressed.
    """

    def __init__(self, packed: Any, path: str) -> None:
        self._packed = packed
        self._new = next(new for ending, new in _DECOMPRESSORS.items() if path.endswith(ending))
        self._member, self._rest = self._new(), b""

    def read(self, size: int) -> bytes:
        """Return some bytes, at most `size`; none at the end.

        Raises
        ------
        EOFError, OSError, lzma.LZMAError
            Where the file ends within a member, or what follows one is no member.
        """
        while True:
            content: bytes = b"" if self._member.eof else self._member.decompress(self._rest, size)
            self._rest = b""
            if content:
                return content
            if self._member.eof:
                self._rest = self._member.unused_data or self._packed.read(_STEP)
                if not self._next_member():
                    return b""
            elif self._member.needs_input:
                self._rest = self._packed.read(_STEP)
                if not self._rest:
                    raise EOFError("the compressed content ends too early")

    def _next_member(self) -> bool:
        """Begin with the next member, after padding of zeros; return whether there is one."""
        while self._rest and not self._rest.strip(b"\x00"):
            self._rest = self._packed.read(_STEP)
        self._rest = self._rest.lstrip(b"\x00")
        self._member = self._new() if self._rest else self._member
        return bool(self._rest)
