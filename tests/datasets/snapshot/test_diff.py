"""What differs between two snapshots, held against two frames compared row by row."""

import json
import math
from typing import Any

import pytest

import ml_platform
from ml_platform.core.errors import UnknownModel, UnknownSnapshot
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.diff import diff_snapshots
from ml_platform.datasets.snapshot.find import find_snapshot, list_snapshots
from ml_platform.storage import chunks
from ml_platform.storage.outputs import record_output
from tests.datasets.snapshot.hourly_orders import AS_OF, ingested, project_of, world
from tests.features.world import at


def rows_of(project, artifact):
    """Every stored row by its key, as plain values."""
    by_key = {}
    for stored in artifact.objects.values():
        for row in chunks.read_chunks(project.store, [stored]).to_pylist():
            by_key[row["id"], row["effective_time"]] = row
    return by_key


def built(project, as_of):
    return build_snapshot(project, "dear", ingested(project, at(as_of)), at(as_of)).artifact


@pytest.fixture
def two(tmp_path):
    """A snapshot, and that of the next day, for which a sale of 4 May was known with another amount in time."""
    orders, sales = world(200)
    project = project_of(tmp_path, orders, sales)
    first = built(project, AS_OF)
    place = next(n for n, row in enumerate(sales) if row[0] >= "o0080")
    changed = [*sales[:place], [*sales[place][:4], 123.0], *sales[place + 1 :]]
    other = project_of(tmp_path / "other", [[*row[:4], row[4] + 1] if row[0] == "o0100" else row for row in orders],
                       changed)  # fmt: skip
    other_made = built(other, AS_OF + 24)
    moved = {name: project.store.put(other.store.read(stored)) for name, stored in other_made.objects.items()}
    second = project.store.write(
        "snapshot", other_made.id, other_made.key, objects=moved, about=other_made.about, inputs=other_made.inputs
    )
    return project, first, second


def test_rows_and_cells_are_those_of_a_comparison_row_by_row(two):
    project, first, second = two
    before, after = rows_of(project, first), rows_of(project, second)
    both = [key for key in before if key in after]
    cells = {
        name: sum(before[key][name] != after[key][name] for key in both)
        for name in next(iter(before.values()))
    }  # fmt: skip
    diff = diff_snapshots(project, first, second)
    assert diff.days.added == len(after.keys() - before.keys()) > 0
    assert diff.days.gone == len(before.keys() - after.keys()) > 0
    assert diff.days.changed == sum(before[key] != after[key] for key in both) > 1
    assert diff.days.cells == {name: count for name, count in cells.items() if count}
    assert diff.days.cells["orders.n"] == 1
    stored = zip((before, after), zip(*diff.stretches.values(), strict=True), strict=True)
    assert diff.purged == tuple(len(rows) - sum(of_periods) for rows, of_periods in stored)
    example = diff.days.examples["orders.n"][0]
    assert (example["id"], example["to"] - example["from"]) == ("o0100", 1)


def test_a_column_that_is_new_gone_or_of_another_type_is_reported_and_not_compared(two, tmp_path):
    project, first, _ = two
    orders, sales = world(200)
    features = ["recent.mean_1d", "orders.n"]
    label = {"source": "sales", "expression": "amount", "horizon": "6h"}
    value = {"payoff": "0 - label", "do_nothing": "0"}
    project_of(tmp_path, orders, sales, features=features, task="regression", label=label, value=value)
    project = ml_platform.open_project(tmp_path)
    second = build_snapshot(project, "dear", ingested(project, at(AS_OF)), at(AS_OF)).artifact
    diff = diff_snapshots(project, first, second)
    assert dict(diff.columns_gone) == {"recent.high_1d": "float", "recent.newest_ever": "float"}
    assert dict(diff_snapshots(project, second, first).columns_added) == dict(diff.columns_gone)
    assert dict(diff.columns_retyped) == {"label": ("bool", "float")}
    assert not diff.days.cells
    assert "declared" in diff.facts


def test_equal_days_are_not_read(two, monkeypatch):
    project, first, second = two
    equal = {stored.sha256 for day, stored in first.objects.items() if second.objects.get(day) == stored}
    read: list[Any] = []
    whole = chunks.read_chunks

    def reading(store, stored, columns=None):
        stored = list(stored)
        if columns is None:
            read.extend(item.sha256 for item in stored)
        return whole(store, stored, columns)

    monkeypatch.setattr("ml_platform.datasets.snapshot.diff.read_chunks", reading)
    diff = diff_snapshots(project, first, second)
    assert diff.days.same == len(equal) > 0
    assert not equal & set(read)


def test_a_moved_distribution_is_reported_with_its_index(two):
    project, first, second = two
    column = "orders.n"
    before = [row[column] for row in rows_of(project, first).values()]
    after = [row[column] for row in rows_of(project, second).values()]
    actual = next(item for item in diff_snapshots(project, first, second).moved if item.column == column)
    frequent = sorted({value for value in before if before.count(value) >= 0.05 * len(before)})
    rest = sorted(value for value in before if value not in frequent)
    edges = sorted({rest[max(0, math.ceil(q * len(rest) / 10) - 1)] for q in range(11)} if rest else [])
    counts = [[0] * (len(frequent) + len(edges) + 2) for _ in range(2)]
    for values, bins in ((before, counts[0]), (after, counts[1])):
        for value in values:
            place = len(frequent) + sum(value > edge for edge in edges)
            place += bool(edges) and value == edges[0]  # the least value of the reference is not below it
            bins[frequent.index(value) if value in frequent else place] += 1
    shares = [[(count + 0.5) / (sum(bins) + 0.5 * len(bins)) for count in bins] for bins in counts]
    expected = sum((q - p) * math.log(q / p) for p, q in zip(*shares, strict=True))
    assert actual.psi == pytest.approx(expected)


def test_a_snapshot_beside_itself_differs_in_nothing(two):
    project, first, _ = two
    diff = diff_snapshots(project, first, first)
    assert (diff.days.compared, diff.days.changed, dict(diff.facts), diff.moved) == (0, 0, {}, ())
    assert json.loads(json.dumps(diff.as_json(), default=str))["days"]["same"] == first.about["days"]


def test_a_snapshot_is_named_by_its_model_or_the_beginning_of_its_id(two):
    project, first, second = two
    record_output(project.database, "dear/snapshot", "snapshot", first.id, run="one", at=at(AS_OF))
    assert find_snapshot(project, "dear").id == first.id
    assert find_snapshot(project, "dear@latest").id == first.id
    assert find_snapshot(project, second.id[:8]).id == second.id
    for name, problem in {
        "dear@7": "dear has no version 7",
        "deer@latest": "there is no model deer (known: dear)",
        "ffffffff": "no id begins with it",
        "f": "an id prefix needs at least 4 characters",
    }.items():
        with pytest.raises(UnknownSnapshot) as caught:
            find_snapshot(project, name)
        assert str(caught.value).startswith(f"snapshot {name!r}: {problem}. Give the beginning of an id, ")


def test_the_list_shows_how_much_of_each_snapshot_is_new(two):
    project, first, second = two
    listed = list_snapshots(project)
    assert [item.id for item in listed] == [first.id, second.id]
    assert listed[0].new_bytes == listed[0].bytes
    shared = set(first.objects.values()) & set(second.objects.values())
    assert listed[1].new_bytes == listed[1].bytes - sum(stored.size for stored in shared)
    with pytest.raises(UnknownModel, match="there is no model 'other'"):
        list_snapshots(project, "other")


def test_a_notebook_loads_a_snapshot_in_one_line(two):
    project, first, _ = two
    record_output(project.database, "dear/snapshot", "snapshot", first.id, run="one", at=at(AS_OF))
    loaded = ml_platform.load_snapshot(str(project.root), "dear")
    assert {part: len(getattr(loaded, part)) for part in ("train", "validate", "test")} == dict(first.about["rows"])
    assert len(ml_platform.snapshots(project)) == 2
    assert ml_platform.diff_snapshots(project, "dear", first.id).first == first.id
    with pytest.raises(AttributeError, match="no attribute 'load_snapshots'"):
        _ = ml_platform.load_snapshots
