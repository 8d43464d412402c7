"""Cut a CSV file into blocks of whole rows, by the rules of Python's csv module in strict mode.

Arrow's reader takes blocks of a fixed size. Where one ends between the CR and the LF of a quoted line break, the reader
drops a byte; it takes a quote that is never closed for one cell with all rows after it; it joins text after a closing
quote to the cell. So quotes are paired here, by their positions only, and Arrow parses each block by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ml_platform.sources.reading.csv_dialect import PLAIN, Dialect

BLOCK_BYTES = 8 << 20
ROW_BYTES = 64 << 20
"""No row is longer. What looks longer is nearly always a quote that is never closed."""
_HEADER_BYTES = 1 << 16


class BadQuote(Exception):
    """A quote that does not pair.

    Attributes
    ----------
    problem
        What is wrong with it.
    before
        The block's rows before the one with the quote.
    lines
        How many lines of the block end before the quote.
    lines_closed
        How many lines of the block end before the quote that closes it; None where none does.
    """

    def __init__(
        self, problem: str, block: bytes, quotes: npt.NDArray[np.int64], place: int, closed: int | None = None
    ) -> None:
        self.problem = problem
        self.lines_closed = None if closed is None else block.count(b"\n", 0, closed)
        self.before = block[: _last_end(block[:place], quotes[quotes < place], ended=False)]
        self.lines = block.count(b"\n", 0, place)
        super().__init__(problem)


def row_blocks(
    file: Any, block_bytes: int = BLOCK_BYTES, row_bytes: int = ROW_BYTES, dialect: Dialect = PLAIN
) -> Iterator[bytes]:
    """Yield a file's bytes in blocks that begin and end with a row, without a byte order mark.

    Raises
    ------
    BadQuote
        Where a quote is never closed, or text follows a closing quote.
    """
    rest = file.read(block_bytes).removeprefix(b"\xef\xbb\xbf")
    ended = False
    while rest and not ended:
        data = file.read(block_bytes)
        ended = not data
        block, data = rest, data
        quotes = _paired(block, dialect, ended=ended)
        end = _last_end(block, quotes, ended=ended)
        if end:
            yield block[:end]
        elif len(block) > row_bytes:
            place = int(quotes[-1]) if len(quotes) % 2 else 0
            raise BadQuote(
                f"no row ends within {row_bytes >> 20} MB, as where a quote is never closed", block, quotes, place
            )
        rest = block[end:] + data


def first_row_end(block: bytes, dialect: Dialect = PLAIN) -> int:
    """Return where the first row of a block of whole rows ends."""
    start = block[:_HEADER_BYTES]
    end = _first_end(start, _paired(start, dialect, ended=False))
    return end or _first_end(block, _paired(block, dialect, ended=True)) or len(block)


def _first_end(block: bytes, quotes: npt.NDArray[np.int64]) -> int:
    place = 0
    while True:
        ends = [sign_place for sign in (b"\n", b"\r") if (sign_place := block.find(sign, place)) >= 0]
        if not ends:
            return 0
        place = min(ends) + 1
        if not np.searchsorted(quotes, min(ends)) % 2:
            return place


def _last_end(block: bytes, quotes: npt.NDArray[np.int64], *, ended: bool) -> int:
    """Return where the last whole row of a block ends; 0 where none does."""
    if ended:
        return len(block)
    for sign in (b"\n", b"\r"):
        place = block.rfind(sign, 0, len(block) - (sign == b"\r"))  # a last CR may be half of a line break
        while place >= 0:
            inside = int(np.searchsorted(quotes, place))
            if inside % 2 == 0:
                return place + 1
            place = block.rfind(sign, 0, int(quotes[inside - 1]))
    return 0


def _paired(block: bytes, dialect: Dialect, *, ended: bool) -> npt.NDArray[np.int64]:
    """Return the positions of the quotes that open and close cells, in turn."""
    if dialect.quote.encode() not in block:
        return np.empty(0, np.int64)
    content = np.frombuffer(block, np.uint8)
    quotes = np.flatnonzero(content == ord(dialect.quote))
    opening, closing = quotes[0::2], quotes[1::2]
    if closing.size and closing[-1] == len(content) - 1:
        closing = closing[:-1]  # what follows is not read yet, or is the end
    if opening.size and opening[0] == 0:
        opening = opening[1:]
    around = np.concatenate([content.take(opening - 1), content.take(closing + 1)])
    if not np.isin(around, np.frombuffer(dialect.border, np.uint8)).all():
        quotes = _walked(block, quotes, dialect.border)
    if ended and len(quotes) % 2:
        raise BadQuote("a quote that is opened here is never closed", block, quotes, int(quotes[-1]))
    return quotes


def _walked(block: bytes, quotes: npt.NDArray[np.int64], border: bytes) -> npt.NDArray[np.int64]:
    """Pair quotes one by one: those inside a cell that has no quote at its beginning are text."""
    quotes_seen: list[int] = []
    for place in quotes.tolist():
        if len(quotes_seen) % 2 == 0:
            escaped = bool(quotes_seen) and quotes_seen[-1] == place - 1
            if place == 0 or escaped or block[place - 1] in border[:-1]:
                quotes_seen.append(place)
            continue
        quotes_seen.append(place)
        if place + 1 < len(block) and block[place + 1] not in border:
            problem = "text follows the quote that closes the one that is opened here, as where it is never closed"
            raise BadQuote(problem, block, np.array(quotes_seen[:-2], np.int64), quotes_seen[-2], closed=place)
    return np.array(quotes_seen, np.int64)
