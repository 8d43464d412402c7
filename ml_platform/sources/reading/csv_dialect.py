"""How the cells of a CSV file are written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """How a file's cells are written.

    Attributes
    ----------
    separator, quote
        Single ASCII characters.
    encoding
        Of the bytes; None for UTF-8.
    """

    separator: str = ","
    quote: str = '"'
    encoding: str | None = None

    @property
    def border(self) -> bytes:
        """What may come before an opening quote and after a closing one; two quotes in a row are one escaped quote."""
        return f"{self.separator}\n\r{self.quote}".encode()


PLAIN = Dialect()
"""The platform's default: commas, double quotes, UTF-8."""
