"""Rows that are deleted, by rows that say so and by loads that lack them, against a loop over readings."""

import random
from datetime import timedelta
from typing import Any

import pytest

from ml_platform.core.errors import DeclarationError, EmptySource, TooManyDeletions
from ml_platform.sources.ingest import ingest_source
from ml_platform.sources.source_log import FOREVER, known_by, source_versions
from tests.features.world import SALES, at, write_csv, write_project

HEADER = [*SALES["columns"], "gone"]
DELETES: dict[str, Any] = {**SALES, "columns": {**SALES["columns"], "gone": "bool"}, "deletes": "gone"}
FULL: dict[str, Any] = {**DELETES, "full": {"max_deleted_share": 1.0}}
FULL.pop("deletes")


def row(id, hours, seen=None, amount=1.0, gone=False):
    return [id, "a", at(hours), at(hours if seen is None else seen), amount, gone]


def project_of(directory, files, source=DELETES, **changes):
    put(directory, files)
    return write_project(directory, sources={"sales": {"reader": {"csv": "data/*.csv"}, **source, **changes}})


def put(directory, files):
    for old in directory.glob("data/*.csv"):
        old.unlink()
    for name, rows in files.items():
        write_csv(directory / f"data/{name}.csv", HEADER, rows)


def versions(project, artifact):
    """(id, amount, known from, known until) of every version that was known at some time; None is for ever."""
    with project.engine() as engine:
        rows = engine.run(source_versions(engine, project.store, artifact, ["id"], "rows")).to_pylist()
    start = (at(0) - at(0).replace(year=1970, month=1, day=1)) // timedelta(microseconds=1)
    intervals = [
        (
            item["id"],
            item["amount"],
            (item["_known"] - start) / 3.6e9,
            None if item["_until"] == FOREVER else (item["_until"] - start) / 3.6e9,
        )
        for item in rows
        if item["_known"] < item["_until"]
    ]
    return sorted(intervals, key=lambda item: (item[2], item[0]))


class Loop:
    """What a source's log must be, by the words of the guide: nothing is shared with the platform."""

    def __init__(self, *, full):
        self.full, self.last, self.closed, self.alive = full, None, [], {}

    def read(self, rows, now):
        by_key: dict[str, list[Any]] = {}
        for item in sorted(rows, key=lambda item: item[3]):
            by_key.setdefault(item[0], []).append(item)
        for key, of_key in by_key.items():
            known = [item for item in of_key if item[3] <= now]
            if self.last is None:
                new = [(item, item[3]) for item in known]
            else:
                new = [(item, item[3]) for item in known if item[3] > self.last]
                if known and not new and self._differs(known[-1]):
                    new = [(known[-1], now)]
            for item, instant in new:
                self._end(key, instant)
                if not item[5]:
                    self.alive[key] = (item, instant)
        if self.full:
            for key in [key for key in self.alive if key not in by_key]:
                self._end(key, now)
        self.last = now

    def _differs(self, item):
        if item[5] or item[0] not in self.alive:
            return item[5] == (item[0] in self.alive)
        return self.alive[item[0]][0] != item

    def _end(self, key, instant):
        if key in self.alive:
            item, known = self.alive.pop(key)
            self.closed.append((item, known, instant))

    def versions(self):
        hours = timedelta(hours=1)
        closed = [(item[0], item[4], (a - at(0)) / hours, (b - at(0)) / hours) for item, a, b in self.closed if a < b]
        alive = [(item[0], item[4], (known - at(0)) / hours, None) for item, known in self.alive.values()]
        return sorted(closed + alive, key=lambda item: (item[2], item[0]))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("full", [False, True])
def test_a_log_equals_that_of_the_loop_after_every_reading_of_random_files(tmp_path, seed, full):
    draw, loop = random.Random(seed), Loop(full=full)
    files: dict[str, list[Any]] = {"1": [row("keep", -1)], "2": [row("other", -1)]}
    source = FULL if full else DELETES
    project, instants = None, iter(draw.sample(range(60 * 40), 600))
    for now in (6, 12, 18, 24, 30):
        for _ in range(draw.randint(1, 6)):
            minute = next(instants) / 60
            key, name = f"k{draw.randint(0, 5)}", draw.choice("123")
            known = files.setdefault(name, [])
            if draw.random() < 0.6:
                gone = not full and draw.random() < 0.5
                known.append(row(key, minute - draw.choice([0, 0, 1]), minute, draw.randint(1, 3), gone))
            elif known and draw.random() < 0.7:
                item = draw.choice(known)
                known[known.index(item)] = [*item[:4], 9.0, item[5]]
            elif full and len(known) > 1:
                known.remove(draw.choice(known))
            elif full and draw.random() < 0.3 and len(files) > 1:
                del files[name]
        everything = [item for known in files.values() for item in known]
        project = project_of(tmp_path, files, source)
        loop.read(everything, at(now))
        ingested = ingest_source(project, "sales", at(now)).made.artifact
        assert versions(project, ingested) == loop.versions(), now


def test_a_row_that_declares_it_deletes_the_row_with_its_key_from_when_it_is_known(tmp_path):
    project = project_of(tmp_path, {"1": [row("x", 1), row("y", 2)]})
    before = ingest_source(project, "sales", at(3))
    put(tmp_path, {"1": [row("x", 1), row("y", 2)], "2": [row("x", 1, seen=5, gone=True)]})
    ingested = ingest_source(project, "sales", at(6))
    assert (ingested.new_rows, ingested.deletions, ingested.corrections, ingested.late) == (0, 1, 0, 0)
    assert versions(project, ingested.made.artifact) == [("x", 1.0, 1.0, 5.0), ("y", 1.0, 2.0, None)]
    log, former = ingested.made.artifact, before.made.artifact
    assert [known_by(log, at(hour)) == known_by(former, at(hour)) for hour in (3, 4.999, 5, 9)] == [
        *(True, True),
        *(False, False),
    ]
    assert ingest_source(project, "sales", at(7)).made.reused


def test_a_deletion_that_should_have_been_known_before_is_known_from_its_ingest(tmp_path):
    project = project_of(tmp_path, {"1": [row("x", 1)]})
    ingest_source(project, "sales", at(6))
    put(tmp_path, {"1": [row("x", 1), row("x", 1, seen=5, gone=True)]})
    ingested = ingest_source(project, "sales", at(8))
    assert versions(project, ingested.made.artifact) == [("x", 1.0, 1.0, 8.0)]


def test_the_file_of_a_deleted_row_that_is_read_alone_does_not_bring_it_back(tmp_path):
    files = {"1": [row("x", 1), row("y", 1)], "2": [row("x", 1, seen=2, gone=True)]}
    project = project_of(tmp_path, files)
    ingest_source(project, "sales", at(3))
    put(tmp_path, {**files, "1": [row("x", 1), row("y", 1, amount=5.0)]})
    ingested = ingest_source(project, "sales", at(4))
    assert (ingested.new_rows, ingested.corrections, ingested.late) == (1, 1, 0)
    assert versions(project, ingested.made.artifact)[0] == ("x", 1.0, 1.0, 2.0)
    assert not ingested.upstream.fewer.any


def test_a_row_that_comes_back_is_a_new_version(tmp_path):
    project = project_of(tmp_path, {"1": [row("x", 1), row("y", 1)]}, FULL)
    for hour, there in ((2, "xy"), (3, "y"), (4, "xy"), (5, "y")):
        put(tmp_path, {"1": [row(key, 1) for key in there]})
        ingested = ingest_source(project, "sales", at(hour))
    expected = [("x", 1.0, 1.0, 3.0), ("y", 1.0, 1.0, None), ("x", 1.0, 4.0, 5.0)]
    assert versions(project, ingested.made.artifact) == expected


def test_rows_of_a_file_that_is_gone_were_deleted_where_loads_are_full(tmp_path):
    project = project_of(tmp_path, {"1": [row("x", 1)], "2": [row("y", 1)]}, FULL)
    ingest_source(project, "sales", at(2))
    put(tmp_path, {"2": [row("y", 1)]})
    ingested = ingest_source(project, "sales", at(3))
    assert (ingested.deletions, ingested.upstream.notes()) == (1, ())
    assert versions(project, ingested.made.artifact) == [("x", 1.0, 1.0, 3.0), ("y", 1.0, 1.0, None)]


def test_a_row_that_is_there_and_becomes_known_later_is_not_deleted(tmp_path):
    project = project_of(tmp_path, {"1": [row("x", 1), row("y", 1)]}, FULL)
    ingest_source(project, "sales", at(2))
    put(tmp_path, {"1": [row("x", 1, seen=9), row("y", 1)]})
    ingested = ingest_source(project, "sales", at(3))
    assert (ingested.deletions, ingested.made.reused) == (0, True)


def test_a_load_that_lacks_too_many_rows_changes_nothing(tmp_path):
    rows = [row(f"k{number}", 1) for number in range(10)]
    project = project_of(tmp_path, {"1": rows}, {**FULL, "full": True})
    first = ingest_source(project, "sales", at(2)).made.artifact
    put(tmp_path, {"1": rows[:4]})
    with pytest.raises(TooManyDeletions) as refused:
        ingest_source(project, "sales", at(3))
    assert str(refused.value) == (
        "source sales: data/*.csv: this load lacks 6 of 10 rows, and full.max_deleted_share is 0.5. "
        "Nothing was changed. Repair the load, or raise the share if the rows are really gone."
    )
    put(tmp_path, {"1": rows[:5]})
    assert ingest_source(project, "sales", at(3)).deletions == 5
    put(tmp_path, {"1": []})
    with pytest.raises(EmptySource):
        ingest_source(project, "sales", at(4))
    put(tmp_path, {"1": rows})
    assert versions(project, first) == [(f"k{number}", 1.0, 1.0, None) for number in range(10)]


def test_declaring_full_later_keeps_the_log_and_ends_what_is_no_longer_there(tmp_path):
    plain = {name: value for name, value in FULL.items() if name != "full"}
    project = project_of(tmp_path, {"1": [row("x", 1), row("y", 1)]}, plain)
    ingest_source(project, "sales", at(2))
    put(tmp_path, {"1": [row("y", 1)]})
    assert ingest_source(project, "sales", at(3)).deletions == 0
    ingested = ingest_source(project_of(tmp_path, {"1": [row("y", 1)]}, FULL), "sales", at(4))
    assert versions(project, ingested.made.artifact) == [("x", 1.0, 1.0, 4.0), ("y", 1.0, 1.0, None)]


def test_a_deleting_row_needs_no_value_of_a_required_column_and_other_rows_do(tmp_path):
    columns = {**DELETES["columns"], "amount": {"type": "float", "required": True}}
    project = project_of(tmp_path, {"1": [row("x", 1), row("x", 1, seen=2, amount=None, gone=True)]}, columns=columns)
    ingested = ingest_source(project, "sales", at(3))
    assert versions(project, ingested.made.artifact) == [("x", 1.0, 1.0, 2.0)]
    put(tmp_path, {"1": [row("x", 1), row("z", 2, amount=None)]})
    with pytest.raises(Exception, match="row 2: column amount is required and null"):
        ingest_source(project, "sales", at(4))


def test_a_condition_deletes_as_a_column_does(tmp_path):
    project = project_of(tmp_path, {"1": [row("x", 1), row("x", 1, seen=2, amount=-1.0)]}, deletes="amount < 0")
    assert versions(project, ingest_source(project, "sales", at(3)).made.artifact) == [("x", 1.0, 1.0, 2.0)]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"deletes": "gon"}, "gon is not a column. Did you mean gone?"),
        ({"deletes": "amount"}, "Write a comparison, such as x > 0"),
        ({"full": {"max_deleted_share": 0}}, "greater than 0"),
        (
            {"full": True, "reader": {"postgres": {"connection": "db", "table": "t", "cursor": "at"}}},
            "the reader gives only rows beyond its cursor, so a missing row is no deleted one. Remove full",
        ),
    ],
)
def test_a_wrong_declaration_is_a_fault_with_its_place(tmp_path, changes, fault):
    with pytest.raises(DeclarationError, match=r"sources/sales\.yaml:") as refused:
        write_project(
            tmp_path,
            sources={"sales": {"reader": {"csv": "data/*.csv"}, **DELETES, **changes}},
            connections={"db": "postgresql://x/y"},
        )
    assert fault in str(refused.value)
