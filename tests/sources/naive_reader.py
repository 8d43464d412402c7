"""A naive reader: what texts mean, row by row."""

import math
import re
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("America/New_York")

NAMES = ["id", "at", "amount", "shop"]


def whole(text):
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) and abs(int(text)) < 2**63 else None


def number(text):
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def instant(text):
    """The instant of a local time; None for what is no time, and for times that clocks skip or show twice."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        return None
    first, second = (local.replace(tzinfo=ZONE, fold=fold).astimezone(UTC) for fold in (0, 1))
    exists = first.astimezone(ZONE).replace(tzinfo=None) == local
    return first if first == second and exists else None


PARSE = [whole, instant, number, lambda text: text]


def expected(rows, on_error, duplicates):
    """By row: (what becomes of it, its values). The rule of each policy, written from the guide."""
    clean, fate = list[Any](), dict[int, str]()
    for place, row in enumerate(rows, 1):
        values = [None if cell is None else parse(cell) for parse, cell in zip(PARSE, row, strict=True)]
        bad = [name for name, cell, value in zip(NAMES, row, values, strict=True) if cell is not None and value is None]
        needed = values[0] is None or values[1] is None
        if needed or (bad and on_error == "quarantine"):
            fate[place] = "quarantine"
            continue
        fate[place] = "null" if bad else "clean"
        clean.append((place, tuple(values)))
    groups = defaultdict[Any, list[Any]](list)
    for place, values in clean:
        groups[values[:2]].append((place, values))
    kept = dict[int, Any]()
    for group in groups.values():
        if duplicates == "quarantine" and len({values for _, values in group}) > 1:
            fate.update((place, "duplicate") for place, _ in group)
            continue
        fate.update((place, "merged") for place, _ in group[:-1])
        kept[group[-1][0]] = group[-1][1]
    return fate, kept
