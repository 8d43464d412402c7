"""Local times as instants: clocks skip an hour in spring, and repeat one in autumn."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ml_platform.core.clock import to_micros

INSTANT = pa.timestamp("us", tz="UTC")
_RULES_END = to_micros(datetime(2037, 1, 1, tzinfo=UTC))
"""Arrow reads a zone's listed changes, which end in 2037, and not the rule for all later years; zoneinfo reads both."""


def instants_of(
    values: pa.ChunkedArray, zone: str, dst: Collection[str]
) -> tuple[pa.ChunkedArray, pa.ChunkedArray, pa.ChunkedArray]:
    """Return local times as instants, and which of them clocks in the zone repeat or skip without a declared meaning.

    Parameters
    ----------
    values
        Timestamps in microseconds without a zone.
    dst
        ``earlier`` or ``later``: which instant a repeated time means; ``shift_forward``: a skipped time means the
        instant at which clocks went forward.

    Raises
    ------
    pyarrow.ArrowInvalid
        Where Arrow does not know the zone.
    """
    ends = pc.min_max(values.cast(pa.int64())).as_py()
    if ends["max"] is None or ends["max"] < _RULES_END:
        return _listed(values, zone, dst)
    far = pc.fill_null(pc.greater_equal(values.cast(pa.int64()), _RULES_END), False)
    nothing = pa.scalar(None, values.type)
    near = _listed(pc.if_else(far, nothing, values), zone, dst)
    later = _by_rule(pc.if_else(far, values, nothing), ZoneInfo(zone), dst)
    instants = pc.coalesce(near[0], later[0])
    return instants, pc.or_(near[1], later[1]), pc.or_(near[2], later[2])


def _listed(
    values: pa.ChunkedArray, zone: str, dst: Collection[str]
) -> tuple[pa.ChunkedArray, pa.ChunkedArray, pa.ChunkedArray]:
    no = pa.chunked_array([pa.repeat(pa.scalar(False), len(values))])
    try:
        return pc.assume_timezone(values, zone).cast(INSTANT), no, no
    except pa.ArrowInvalid:
        first, second = (_assumed(values, zone, end, "latest") for end in ("earliest", "latest"))
        before = _assumed(values, zone, "earliest", "earliest")
        repeated, skipped = pc.not_equal(first, second), pc.not_equal(before, first)
    instants = (second if "later" in dst else first).cast(INSTANT)
    repeated = no if {"earlier", "later"} & set(dst) else pc.fill_null(repeated, False)
    return instants, repeated, no if "shift_forward" in dst else pc.fill_null(skipped, False)


def _assumed(values: pa.ChunkedArray, zone: str, ambiguous: str, nonexistent: str) -> pa.ChunkedArray:
    return pc.assume_timezone(values, zone, ambiguous=ambiguous, nonexistent=nonexistent)


def _by_rule(
    values: pa.ChunkedArray, zone: ZoneInfo, dst: Collection[str]
) -> tuple[pa.ChunkedArray, pa.ChunkedArray, pa.ChunkedArray]:
    """Do the same by the rules of zoneinfo, once for each distinct time."""
    coded = values.combine_chunks().dictionary_encode()
    converted = [_instant(local, zone, dst) for local in coded.dictionary.to_pylist()]
    codes = coded.indices
    instants = pa.array([instant for instant, _ in converted], pa.int64()).cast(INSTANT).take(codes)
    marks = [
        pc.fill_null(pa.array([kind == name for _, kind in converted], pa.bool_()).take(codes), False)
        for name in ("repeated", "skipped")
    ]
    return (pa.chunked_array([instants]), *(pa.chunked_array([mark]) for mark in marks))


def _instant(local: datetime, zone: ZoneInfo, dst: Collection[str]) -> tuple[int, str]:
    """Return microseconds since 1970 UTC, and ``repeated`` or ``skipped`` where that has no declared meaning."""
    first, second = (_micros(local, zone, fold) for fold in (0, 1))
    if first == second:
        return first, ""
    if first < second:
        kind = "" if {"earlier", "later"} & set(dst) else "repeated"
        return (second if "later" in dst else first), kind
    return _change(zone, second, first), "" if "shift_forward" in dst else "skipped"


def _micros(local: datetime, zone: ZoneInfo, fold: int) -> int:
    offset = local.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta(0)
    return to_micros(local.replace(tzinfo=UTC)) - offset // timedelta(microseconds=1)


def _change(zone: ZoneInfo, low: int, high: int) -> int:
    """Return the first instant in ``(low, high]`` with the offset of `high`: where clocks went forward."""
    offset = _offset(zone, high)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(zone, middle) == offset else (middle, high)
    return high


def _offset(zone: ZoneInfo, micros: int) -> timedelta | None:
    instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(micros))
    return instant.astimezone(zone).utcoffset()


def floor_to_micros(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return instants of any unit in microseconds, rounded down, without a zone.

    Raises
    ------
    pyarrow.ArrowInvalid
        Where one is too large for 64 bits of microseconds.
    """
    plain = values.cast(pa.timestamp(values.type.unit))
    if values.type.unit != "ns":
        return plain.cast(pa.timestamp("us"))
    try:
        return plain.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        counts = [np.floor_divide(chunk.fill_null(0).to_numpy(), 1000) for chunk in plain.cast(pa.int64()).chunks]
        masks = [chunk.is_null().to_numpy(zero_copy_only=False) for chunk in plain.chunks]
        whole = [pa.array(count, pa.int64(), mask=mask) for count, mask in zip(counts, masks, strict=True)]
        return pa.chunked_array(whole, pa.int64()).cast(pa.timestamp("us"))
