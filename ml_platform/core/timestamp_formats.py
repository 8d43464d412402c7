"""Timestamps that are written in another form than ISO 8601: by a pattern of strptime, or as a count since 1970 UTC."""

from __future__ import annotations

import re

EPOCH_UNITS = {"epoch s": 1_000_000, "epoch ms": 1_000, "epoch us": 1}
"""Counts since 1970-01-01 UTC: microseconds in one of each."""
DIRECTIVES = "YymbBdjHIMSfpz%"
"""What may follow a % sign, with the meaning that it has in Python's strptime."""
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)


def has_zone(pattern: str) -> bool:
    """Return whether timestamps of a pattern contain their offset, or need none.

    >>> [has_zone(pattern) for pattern in ("%d.%m.%Y %H:%M %z", "epoch ms", "%d.%m.%Y")]
    [True, True, False]
    """
    return pattern in EPOCH_UNITS or "z" in _directives(pattern)


def pattern_problem(pattern: str) -> str | None:
    """Return what is wrong with a pattern; None where it determines a day.

    >>> pattern_problem("%d.%m.%Y")
    >>> pattern_problem("%H:%M")
    'names no day. Give %Y or %y with month and day (%m or %b, %d), or with the day of the year (%j)'
    >>> pattern_problem("%d.%m.%q")
    '%q is not known. Known are %Y %y %m %b %B %d %j %H %I %M %S %f %p %z %%, and epoch s, epoch ms, epoch us'
    """
    if pattern in EPOCH_UNITS:
        return None
    signs = _directives(pattern)
    unknown = next((sign for sign in signs if not sign or sign not in DIRECTIVES), None)
    if unknown is not None:
        known = " ".join(f"%{sign}" for sign in DIRECTIVES)
        return f"%{unknown} is not known. Known are {known}, and {', '.join(EPOCH_UNITS)}"
    day = "j" in signs or ("d" in signs and {*"mbB"} & {*signs})
    if not ({*"Yy"} & {*signs} and day):
        return "names no day. Give %Y or %y with month and day (%m or %b, %d), or with the day of the year (%j)"
    return None


def _directives(pattern: str) -> list[str]:
    return _DIRECTIVE.findall(pattern)
