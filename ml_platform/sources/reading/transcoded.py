"""Reading a text file of another encoding as UTF-8."""

from __future__ import annotations

import codecs
from typing import Any


class NotInEncoding(Exception):
    """Bytes that are no text in the declared encoding.

    Attributes
    ----------
    lines
        How many lines end before them.
    sign
        The bytes.
    """

    def __init__(self, lines: int, sign: bytes) -> None:
        self.lines, self.sign = lines, sign
        super().__init__(f"{sign!r}")


class TranscodedStream:
    """Reads a file's text as bytes in UTF-8.

    Parameters
    ----------
    file
        The file, read as bytes.
    encoding
        A name that Python knows, such as ``cp1252``.
    """

    def __init__(self, file: Any, encoding: str) -> None:
        self._file, self._decoder = file, codecs.getincrementaldecoder(encoding)()
        self._encoding, self._lines, self._ended = encoding, 0, False

    def read(self, size: int) -> bytes:
        """Return some text in UTF-8; no byte at the end.

        Raises
        ------
        NotInEncoding
            Where the bytes are no text in the encoding.
        """
        text = ""
        while not text and not self._ended:
            raw = self._file.read(size)
            self._ended = not raw
            text = self._decoded(raw)
        self._lines += text.count("\n")
        return text.encode()

    def _decoded(self, raw: bytes) -> str:
        try:
            return self._decoder.decode(raw, final=self._ended)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(self._encoding, errors="replace")
            lines = self._lines + before.count("\n")
            raise NotInEncoding(lines, error.object[error.start : error.end]) from None
