"""Every policy for dirty rows, of sources and of columns, on every reader: nothing is lost; `fail` writes nothing."""

import random
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ml_platform.core.errors import SourceError
from ml_platform.sources.ingest import ingest_source
from tests.features.world import write_project
from tests.sources import naive_reader as world
from tests.sources.naive_reader import NAMES
from tests.sources.test_loses_nothing import NOW, READERS, by_fate, draw, log_of, put, server

__all__ = ["put", "server"]
UTC, ZONE = ZoneInfo("UTC"), world.ZONE
SOURCE = {"key": ["id"], "event_timestamp": "at", "known_at": {"delay": "0s"}, "quarantine": {"at_most": "100%"}}
CASES: dict[str, dict[str, Any]] = {
    "a column of nulls, skipped and repeated times": {
        "on_error": "quarantine",
        "columns": {"amount": "null"},
        "dst": ["shift_forward", "earlier"],
        "duplicates": "keep_latest",
    },
    "a column that quarantines, later times": {
        "on_error": "null",
        "columns": {"amount": "quarantine"},
        "dst": ["later"],
        "duplicates": "quarantine",
    },
    "only columns have a policy": {
        "columns": {"id": "quarantine", "at": "quarantine", "amount": "null"},
        "dst": [],
        "duplicates": "keep_latest",
    },
    "only earlier": {"on_error": "quarantine", "columns": {}, "dst": ["earlier"], "duplicates": "quarantine"},
}


def instant(text, dst):
    """The instant of a local time as declared; None where it stays without one."""
    at = world.instant(text)
    if at is not None or text in ("noon", "31.12.2024", "2024-02-30T00:00:00"):
        return at
    local = world.datetime.fromisoformat(text)
    first, second = (local.replace(tzinfo=ZONE, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(ZONE).replace(tzinfo=None) == local:  # shown twice
        return {"earlier": first, "later": second}.get(next((name for name in dst if name != "shift_forward"), ""))
    if "shift_forward" not in dst:
        return None
    before = local.replace(hour=0, tzinfo=ZONE).astimezone(UTC)  # the first instant at which clocks show a later time
    while before.astimezone(ZONE).replace(tzinfo=None) < local:
        before += timedelta(minutes=1)
    return before


def expected(rows, case):
    """By row: what becomes of it; and the rows that are kept."""
    clean, fate = list[Any](), dict[int, str]()
    parse = [world.whole, lambda text: instant(text, case["dst"]), world.number, lambda text: text]
    for place, row in enumerate(rows, 1):
        values = [None if cell is None else of(cell) for of, cell in zip(parse, row, strict=True)]
        bad = [name for name, cell, value in zip(NAMES, row, values, strict=True) if cell is not None and value is None]
        policies = {case["columns"].get(name, case.get("on_error")) for name in bad}
        if values[0] is None or values[1] is None or "quarantine" in policies:
            fate[place] = "quarantine"
            continue
        fate[place] = "null" if bad else "clean"
        clean.append((place, tuple(values)))
    groups = dict[Any, list[Any]]()
    for place, values in clean:
        groups.setdefault(values[:2], []).append((place, values))
    kept = []
    for group in groups.values():
        if case["duplicates"] == "quarantine" and len({values for _, values in group}) > 1:
            fate.update((place, "quarantine") for place, _ in group)
            continue
        fate.update((place, "merged") for place, _ in group[:-1])
        kept.append(group[-1][1])
    return fate, kept


def columns_of(case):
    plain = {"id": {"type": "int"}, "at": {"type": "timestamp", "zone": "America/New_York"}}
    plain |= {"amount": {"type": "float"}, "shop": {"type": "string"}}
    policies = {name: {"on_error": policy} for name, policy in case["columns"].items()}
    times = {"at": {"dst": case["dst"]}} if case["dst"] else {}
    return {name: declared | policies.get(name, {}) | times.get(name, {}) for name, declared in plain.items()}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("put", READERS, indirect=True, ids=READERS)
def test_policies_of_columns_and_times_lose_nothing(tmp_path, put, case):
    write, reader, more = put
    rows = draw(random.Random(f"{sorted(reader)}{case}"), 300)
    rows += [[str(1000 + n), f"2024-03-10T02:{n:02}:00", "1", "a"] for n in range(8)]
    rows += [[str(1100 + n), f"2024-11-03T01:{n:02}:00", "1", "a"] for n in range(8)]
    write(rows)
    policy = {name: case[name] for name in ("on_error", "duplicates") if name in case}
    source = {**SOURCE, **policy, "reader": reader, "columns": columns_of(case)}
    project = write_project(tmp_path, sources={"sales": source}, entities={"sale": ["id"]}, **more)
    ingested = ingest_source(project, "sales", NOW)
    fate, kept = expected(rows, case)
    known = sorted(values for values in kept if values[1] <= NOW)
    assert log_of(project, ingested.made.artifact) == known
    assert by_fate(project) == sorted((place, of) for place, of in fate.items() if of in ("quarantine", "null"))
    counts, fates = ingested.rows, list(fate.values())
    assert counts.read == len(rows) == counts.new + counts.waiting + counts.quarantined + counts.merged
    assert (counts.new, counts.merged) == (len(known), fates.count("merged"))
    assert counts.quarantined == fates.count("quarantine") > 5


CLEAN = ["1", "2024-05-01T12:00:00", "2.5", "a"]
FAULTS = {
    "a value": (["2", CLEAN[1], "?", "a"], "column amount is string, declared float|amount"),
    "a skipped time": (["2", "2024-03-10T02:30:00", "1", "a"], "2024-03-10"),
    "a repeated time": (["2", "2024-11-03T01:15:00", "1", "a"], "2024-11-03"),
    "a missing key": ([None, CLEAN[1], "1", "a"], "id"),
    "a duplicate": (["1", CLEAN[1], "3.5", "a"], "several rows|twice|same key|two rows|duplicate"),
}


@pytest.mark.parametrize("how", ["default", "fail", "a column that fails"])
@pytest.mark.parametrize(("row", "words"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("put", READERS, indirect=True, ids=READERS)
def test_one_dirty_row_stops_the_ingest_where_the_policy_is_to_fail(tmp_path, put, row, words, how):
    write, reader, more = put
    write([CLEAN, row])
    policy = {"default": {}, "fail": {"on_error": "fail", "duplicates": "fail"}}.get(how, {"on_error": "quarantine"})
    columns = dict.fromkeys(NAMES[:3], "fail") if how == "a column that fails" else {}
    source = {**SOURCE, **policy, "reader": reader, "columns": columns_of({"columns": columns, "dst": []})}
    if how != "a column that fails":
        del source["quarantine"]
    project = write_project(tmp_path, sources={"sales": source}, entities={"sale": ["id"]}, **more)
    with pytest.raises(SourceError, match=words):
        ingest_source(project, "sales", NOW)
    assert list(project.store.ids("source")) == []
    assert by_fate(project) == []
