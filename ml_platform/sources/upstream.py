"""What a source no longer holds, or holds too early: such rows stay in the log or wait, and this counts them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime, timedelta

from ml_platform.core.clock import Clock, WallClock, format_duration
from ml_platform.core.errors import listed
from ml_platform.core.hashing import canonical_json, format_instant
from ml_platform.declarations.source import SourceSpec
from ml_platform.sources.column_changes import ColumnChange, PartColumns
from ml_platform.sources.ingest_history import CURSOR, ReadState

_SOON = {True: timedelta(days=1), False: timedelta(days=366)}
"""How far ahead a row may be known without a note, on the wall clock and on a simulated one."""
_NAMED = 5


@dataclass(frozen=True)
class UpstreamNote:
    """How many rows one of these notes is about.

    Attributes
    ----------
    since
        The ingest from which on there were any, without a break.
    files, names
        The files concerned: how many, and the first of them.
    """

    rows: int = 0
    since: str | None = None
    files: int = 0
    names: tuple[str, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is anything to note."""
        return bool(self.rows or self.files)


@dataclass(frozen=True)
class Upstream:
    """How a source differs from its log, as of one ingest. No row is ever removed from the log.

    Attributes
    ----------
    gone
        Files that were read before and are no longer there, with the rows that they had.
    fewer
        Files that no longer have some rows that they once had, and how many.
    missing
        Keys of the log that a reading of the whole source did not find.
    deleted
        Rows of the log, or of this reading, that this ingest deleted.
    waiting
        Rows that were read and become known later; `until` is when the last of them does.
    far
        Those of them that become known later than a source's delay explains.
    quarantined, nulled
        Dirty rows that the log does not have, and those that it has without a value; `dirty` is the artifact of both.
    merged
        Rows of the last reading for which another row of their key is in the log.
    columns
        Columns that appeared or disappeared between parts.
    """

    gone: UpstreamNote = UpstreamNote()
    fewer: UpstreamNote = UpstreamNote()
    missing: UpstreamNote = UpstreamNote()
    deleted: int = 0
    waiting: int = 0
    until: str | None = None
    far: UpstreamNote = UpstreamNote()
    limit: str = ""
    quarantined: UpstreamNote = UpstreamNote()
    nulled: UpstreamNote = UpstreamNote()
    dirty: str | None = None
    merged: int = 0
    columns: PartColumns = field(default_factory=PartColumns)

    def notes(self) -> tuple[str, ...]:
        """Return a sentence for each thing that a person should look at."""
        texts = []
        if self.gone.any:
            one = self.gone.files == 1
            files = "a file that was read before is" if one else f"{self.gone.files:,} files that were read before are"
            texts.append(f"{files} gone ({listed(self.gone.names)}; {_rows(self.gone.rows)}). {_kept(self.gone)}")
        if self.fewer.any:
            files = f"{self.fewer.files:,} file{'s' * (self.fewer.files != 1)}"
            verb = "has" if self.fewer.files == 1 else "have"
            lost = f"no longer {verb} {_rows(self.fewer.rows)} of before ({listed(self.fewer.names)})"
            texts.append(f"{files} {lost}. {_kept(self.fewer)}")
        if self.missing.any:
            keys = f"{self.missing.rows:,} key{'s' * (self.missing.rows != 1)} of earlier rows"
            texts.append(f"the source no longer has {keys}. {_kept(self.missing)}")
        if self.far.any:
            later = f"more than {self.limit} after this ingest, the last at {(self.until or '')[:10]}"
            become = "becomes" if self.far.rows == 1 else "become"
            texts.append(f"{_rows(self.far.rows)} {become} known {later} (since {_day(self.far)})")
        texts += self.dirty_notes()
        texts += [change.note() for change in self.columns.changes]
        return tuple(texts)

    def dirty_notes(self) -> list[str]:
        """Return a sentence on the rows in quarantine, and one on those that were ingested without a value."""
        texts = []
        for count, what in ((self.quarantined, "in quarantine"), (self.nulled, "without a value that did not fit")):
            if count.any:
                verb, where = "is" if count.rows == 1 else "are", listed(count.names)
                listing = f"ml-platform quarantine shows {'it' if count.rows == 1 else 'them'}"
                texts.append(f"{_rows(count.rows)} {verb} {what} ({where}; since {_day(count)}); {listing}")
        return texts

    def as_text(self) -> str:
        """Return it as JSON, to be stored."""
        return canonical_json(asdict(self)).decode()


FIELDS = frozenset(item.name for kind in (Upstream, UpstreamNote, PartColumns, ColumnChange) for item in fields(kind))
"""The keys of what `Upstream.as_text` writes: erasing a person who is called like one of them leaves it."""


def read_upstream(text: str) -> Upstream:
    """Return what `Upstream.as_text` wrote."""
    facts = json.loads(text)
    if not facts:
        return Upstream()
    for name in {"gone", "fewer", "missing", "far", "quarantined", "nulled"} & set(facts):
        facts[name] = UpstreamNote(**{**facts[name], "names": tuple(facts[name]["names"])})
    columns = facts.pop("columns", {"first_part": {}, "changes": ()})
    changes = tuple(ColumnChange(**change) for change in columns["changes"])
    return Upstream(**facts, columns=PartColumns(columns["first_part"], changes))


def far_ahead(spec: SourceSpec, clock: Clock) -> timedelta:
    """Return how long after an ingest a row may become known without a note."""
    return _SOON[isinstance(clock, WallClock)] + max(spec.known_at.delay or timedelta(0), timedelta(0))


def marks_of_gone(marks: Mapping[str, ReadState], present: Collection[str], now: datetime) -> list[ReadState]:
    """Return the marks of parts that are gone since the last ingest, or there again."""
    changed = []
    for name, mark in marks.items():
        gone = name not in present and name != CURSOR
        if gone != (mark.gone_at is not None):
            changed.append(replace(mark, gone_at=now if gone else None))
    return changed


def upstream_of(
    last: Upstream,
    marks: Iterable[ReadState],
    missing: int | None,
    now: datetime,
    limit: timedelta,
    deleted: int = 0,
) -> Upstream:
    """Return how a source differs from its log.

    Parameters
    ----------
    last
        As of the ingest before.
    marks
        Of all parts, as of this ingest.
    missing
        How many keys of the log were not read; None where not all of the source was read, so that it is not known.
    """
    parts = [mark for mark in marks if mark.name != CURSOR]
    here = [mark for mark in parts if mark.gone_at is None]
    gone = [mark for mark in parts if mark.gone_at is not None]
    fewer = [mark for mark in here if mark.rows < mark.most_rows]
    untils = [mark.waiting_until for mark in here if mark.waiting_until is not None]
    return Upstream(
        gone=_count(last.gone, sum(mark.rows for mark in gone), now, gone),
        fewer=_count(last.fewer, sum(mark.most_rows - mark.rows for mark in fewer), now, fewer),
        deleted=deleted,
        missing=last.missing if missing is None else _count(last.missing, missing, now),
        waiting=sum(mark.waiting for mark in here),
        until=format_instant(max(untils)) if untils else None,
        far=_count(last.far, sum(mark.far for mark in here), now),
        limit=format_duration(limit),
        quarantined=last.quarantined,
        nulled=last.nulled,
        dirty=last.dirty,
        columns=last.columns,
    )


def _count(last: UpstreamNote, rows: int, now: datetime, marks: Iterable[ReadState] = ()) -> UpstreamNote:
    return count_of(last, rows, now, [mark.name for mark in marks])


def count_of(last: UpstreamNote, rows: int, now: datetime, parts: Iterable[str]) -> UpstreamNote:
    """Return how many rows of which parts a note is about, and since when: `last` is the note before."""
    names = sorted(parts)
    since = last.since if last.any else format_instant(now)
    return UpstreamNote(rows, since, len(names), tuple(names[:_NAMED])) if rows or names else UpstreamNote()


def _rows(count: int) -> str:
    return f"{count:,} row{'s' * (count != 1)}"


def _kept(count: UpstreamNote) -> str:
    return f"Their rows are kept (since {_day(count)})"


def _day(count: UpstreamNote) -> str:
    return (count.since or "")[:16].replace("T", " ")
