"""Training frames: settled labels, a split in time, and an id that no later row can change."""

import random
import shutil
from datetime import timedelta

import pandas as pd
import pytest

from ml_platform.core.errors import ArtifactDamaged, SnapshotError
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import _spread, load_snapshot
from ml_platform.sources.ingest import ingest_source
from tests.datasets.snapshot.hourly_orders import AS_OF, COLUMNS, MODEL, ingested, project_of, snapshot_of, world
from tests.features.world import at


def test_stretches_are_anchored_where_labels_are_settled_and_purged_before_the_next(tmp_path):
    orders, sales = world(160)
    in_time = [[*row[:3], min(row[3], row[2] + timedelta(hours=4)), row[4]] for row in sales if row[0] != "o0144"]
    complete = [*in_time, ["o0144", "a", at(146), at(150), 1.0]]  # the source has a row at the end of the last horizon
    project = project_of(tmp_path, orders, complete, label=MODEL["label"] | {"missing": "negative"})
    artifact = snapshot_of(project, AS_OF)
    snapshot = load_snapshot(project, artifact.id)
    ends = {
        part: (rows["effective_time"].min(), rows["effective_time"].max())
        for part in ("train", "validate", "test")
        for rows in [snapshot.part(part)]
    }
    assert ends == {"train": (at(25), at(90)), "validate": (at(97), at(114)), "test": (at(121), at(144))}
    assert artifact.about["rows"] == {"train": 66, "validate": 18, "test": 24}
    assert {reason: count for reason, count in artifact.about["dropped"].items() if count} == {
        "not_settled": 6,
        "purged": 12,
    }
    labelled_ids = {row[0] for row in complete}
    untold = sum(row[0] not in labelled_ids for row in orders[25:145])
    assert artifact.about["negatives"] == {"label_missing": untold, "label_before": 0}
    assert len(snapshot.frame) == 66 + 18 + 24


def changed_after(rows, hour, how):
    """The rows, with whatever is known after an hour changed in some way."""
    draw = random.Random(9)
    later = [row for row in rows if row[3] > at(hour)]
    kept = [row for row in rows if row[3] <= at(hour)]
    if how == "removed":
        return kept
    if how == "altered":
        return kept + [[row[0], "z", row[2] + timedelta(hours=1), row[3] + timedelta(hours=1), 7] for row in later]
    if how == "reversed":
        return rows[::-1]
    added = [[f"new{n}", draw.choice("abc"), at(draw.uniform(0, hour)), at(hour + n / 9), 9] for n in range(1, 31)]
    corrections = [[row[0], "a", row[2], at(hour, microseconds=1), 8] for row in kept[::3]]
    return rows + added + corrections


@pytest.mark.parametrize("how", ["removed", "altered", "added and corrected", "reversed"])
def test_no_row_that_is_known_later_changes_a_snapshot(tmp_path, how):
    orders, sales = world(170)
    before = snapshot_of(project_of(tmp_path / "before", orders, sales), AS_OF, now=180)
    changed = (changed_after(orders, AS_OF, how), changed_after(sales, AS_OF, how))
    after = snapshot_of(project_of(tmp_path / "after", *changed), AS_OF, now=220)
    assert after.id == before.id
    assert after.about == before.about


def test_a_row_that_is_known_in_time_does_change_it(tmp_path):
    orders, sales = world(170)
    before = snapshot_of(project_of(tmp_path / "before", orders, sales), AS_OF)
    sales.append(["o0100", "a", at(100), at(103), 8.0] if sales[-1][0] != "o0100" else sales.pop())
    corrected = [row for row in sales if row[0] != "o0100"] + [["o0100", "a", at(102), at(103), 123.0]]
    after = snapshot_of(project_of(tmp_path / "after", orders, corrected), AS_OF)
    assert after.id != before.id


def test_days_ingested_one_by_one_give_the_snapshot_of_one_bulk_load(tmp_path):
    orders, sales = world(170)
    bulk = snapshot_of(project_of(tmp_path / "bulk", orders, sales), AS_OF)
    for now in range(24, AS_OF, 24):
        known = [[row for row in rows if row[3] <= at(now)] for rows in (orders, sales)]
        project = project_of(tmp_path / "daily", *known)
        for name in COLUMNS:
            ingest_source(project, name, at(now))
    daily = project_of(tmp_path / "daily", orders, sales)
    assert snapshot_of(daily, AS_OF).id == bulk.id


def test_an_ingest_of_what_came_later_changes_no_cell_of_an_earlier_snapshot(tmp_path):
    orders, sales = world(200)
    project = project_of(tmp_path, orders, sales)
    first = snapshot_of(project, AS_OF)
    rewritten = [[*row[:4], 99.0] if row[0] < "o0040" else row for row in sales]
    later = project_of(tmp_path, orders, rewritten)
    ids = ingested(later, at(AS_OF + 40))
    assert build_snapshot(later, "dear", ids, at(AS_OF)).reused, "nothing is computed again"
    shutil.rmtree(later.state / "store/keys/snapshot")
    rebuilt = build_snapshot(later, "dear", ids, at(AS_OF))
    assert not rebuilt.reused
    assert rebuilt.artifact.id == first.id
    assert build_snapshot(later, "dear", ids, at(AS_OF + 40)).artifact.id != first.id


def test_the_same_inputs_and_instant_give_the_snapshot_that_is_there(tmp_path):
    project = project_of(tmp_path, *world(160))
    ids = ingested(project, at(AS_OF))
    assert not build_snapshot(project, "dear", ids, at(AS_OF)).reused
    assert build_snapshot(project, "dear", ids, at(AS_OF)).reused


def test_snapshots_of_two_days_share_the_days_that_they_have_in_common(tmp_path):
    project = project_of(tmp_path, *world(200), label=MODEL["label"] | {"missing": "negative"})
    ids = ingested(project, at(199))
    one, two = (build_snapshot(project, "dear", ids, at(as_of)).artifact for as_of in (AS_OF, AS_OF + 24))
    shared = {stored.sha256 for stored in one.objects.values()} & {stored.sha256 for stored in two.objects.values()}
    assert one.id != two.id
    # The first holds rows of 2 to 7 May, the second of 3 to 8 May, but nothing of 3 May 00:00, where it starts.
    assert len(one.objects) == len(two.objects) == 6
    assert len(shared) == 3


def test_the_manifest_answers_what_a_person_asks(tmp_path):
    about = snapshot_of(project_of(tmp_path, *world(160)), AS_OF).about
    assert about["boundaries"] == {
        "train_start": "2024-05-02T00:00:00.000000Z",
        "validate_start": "2024-05-05T00:00:00.000000Z",
        "test_start": "2024-05-06T00:00:00.000000Z",
        "end": "2024-05-07T00:00:00.000000Z",
        "horizon": "6h",
    }
    assert about["as_of"] == "2024-05-07T06:00:00.000000Z"
    assert about["columns"]["recent.mean_1d"] == "float"
    assert about["columns"]["label"] == "bool"
    assert about["nulls"]["orders.n"] == 0.0
    assert sum(about["label"]["train"]["classes"].values()) == about["rows"]["train"]


def test_a_damaged_chunk_is_never_read(tmp_path):
    project = project_of(tmp_path, *world(160))
    artifact = snapshot_of(project, AS_OF)
    sha256 = artifact.objects["2024-05-04"].sha256
    path = project.state / "store/objects" / sha256[:2] / sha256
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ArtifactDamaged, match=f"object {sha256[:12]} is damaged"):
        load_snapshot(project, artifact.id)


@pytest.mark.parametrize("part", ["train", "validate", "test"])
def test_a_stretch_that_is_read_alone_is_the_same_and_needs_no_day_of_the_others(tmp_path, part):
    project = project_of(tmp_path, *world(160))
    artifact = snapshot_of(project, AS_OF)
    whole = load_snapshot(project, artifact.id).part(part)
    days = {str(day) for day in whole["effective_time"].dt.date}
    for day in artifact.objects.keys() - days - {"2024-05-05", "2024-05-06"}:  # a boundary lies at their midnights
        sha256 = artifact.objects[day].sha256
        (project.state / "store/objects" / sha256[:2] / sha256).unlink()
    alone = load_snapshot(project, artifact.id, (part,))
    pd.testing.assert_frame_equal(alone.part(part), whole)
    assert len(alone.frame) == len(whole) > 0


def test_an_empty_stretch_reports_what_became_of_its_rows(tmp_path):
    orders, sales = world(160)
    unknown = [[*row[:3], row[2] + timedelta(minutes=1), row[4]] for row in orders]
    project = project_of(tmp_path, unknown, sales)
    with pytest.raises(SnapshotError) as caught:
        snapshot_of(project, AS_OF)
    assert str(caught.value) == (
        "dear: the train period from 2024-05-02T00:00:00.000000Z to 2024-05-05T00:00:00.000000Z has no row "
        "(rows left out: 120 known only after their batch run). Shorten split, ingest more history, or let "
        "prediction_time lie after rows are known."
    )


def test_a_sample_of_a_snapshot_holds_whole_days_of_all_weekdays(tmp_path):
    project = project_of(tmp_path, *world(160))
    artifact = snapshot_of(project, AS_OF)
    whole = load_snapshot(project, artifact.id, ("train",)).frame
    assert load_snapshot(project, artifact.id, ("train",), 1000).frame.equals(whole)
    some = load_snapshot(project, artifact.id, ("train",), -(-len(whole) // 2)).frame
    days = sorted(set(whole["effective_time"].dt.date))
    kept = whole[whole["effective_time"].dt.date.isin(days[::2])].reset_index(drop=True)
    assert 0 < len(some) < len(whole)
    assert some.reset_index(drop=True).equals(kept)
    assert _spread([str(day) for day in range(90)], 70, 10) == [str(day) for day in range(0, 90, 8)], "not each Monday"
