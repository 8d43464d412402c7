"""What is printed, on a terminal of any encoding: signs that it cannot write are written otherwise."""

from __future__ import annotations

import codecs
import io
import os
import sys
import unicodedata

HANDLER = "ml_platform.plain"
_PLAIN = {
    "✓": "ok",
    "✗": "x",
    "·": "-",
    "…": "...",
    "→": "->",
    "←": "<-",
    "–": "-",
    "—": "-",
    "‑": "-",
    "−": "-",
    "×": "x",
    "±": "+/-",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "Δ": "delta",
    "█": "#",
    "▉": "#",
    "▊": "#",
    "▋": "#",
    "▌": "#",
    "▍": "|",
    "▎": "|",
    "▏": "|",
    "░": ".",
    "▁": "_",
    "€": "EUR",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
}


def print_anywhere() -> None:
    """Let no sign that a stream cannot write end the process or one that it starts.

    Windows' consoles, ``LANG=C``, pipes with ``PYTHONIOENCODING=ascii``, and names of files that are not text in any
    encoding all meet Python's strict encoder otherwise, after the work is done.
    """
    codecs.register_error(HANDLER, _otherwise)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=HANDLER)
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "").partition(":")
    if not errors:  # processes that this one starts have their streams before they have this handler
        os.environ["PYTHONIOENCODING"] = f"{encoding}:backslashreplace"


def _otherwise(error: UnicodeError) -> tuple[str, int]:
    """Return the replacement of text that a stream cannot write: a sign that it has, the plain letter, or an escape."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(sign: str) -> str:
    if sign in _PLAIN:
        return _PLAIN[sign]
    letters = unicodedata.normalize("NFKD", sign).encode("ascii", "ignore").decode()
    return letters or sign.encode("ascii", "backslashreplace").decode()
