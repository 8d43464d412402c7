"""Which label a row of a snapshot has, and which rows have none."""

from datetime import timedelta

import pandas as pd
import pytest

from ml_platform.core.errors import SnapshotError
from ml_platform.datasets.labels.labels import labels_of
from ml_platform.datasets.leakage.label_rows import truth_of
from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.datasets.snapshot.read import load_snapshot
from ml_platform.project import open_project
from tests.datasets.snapshot.hourly_orders import AS_OF, COLUMNS, MODEL, ingested, project_of, snapshot_of, world
from tests.features.world import at, write_csv, write_project


def test_the_label_is_what_was_known_when_its_horizon_had_passed(tmp_path):
    orders, _ = world(160)
    sales = [[row[0], row[1], row[2], row[2] + timedelta(hours=3), 1.0] for row in orders]
    sales[50][3] = at(50 + 6)  # known when the horizon ends: counts
    sales[51][3] = at(51 + 6.1)  # known after: missing
    sales.append([orders[52][0], "a", at(52), at(52 + 5), 9.0])  # corrected in time
    sales.append([orders[53][0], "a", at(53), at(53 + 7), 9.0])  # corrected too late
    sales[60][4] = 9.0
    project = project_of(tmp_path, orders, sales)
    frame = load_snapshot(project, snapshot_of(project, AS_OF).id).frame.set_index("effective_time")
    assert frame["label"].dtype == bool
    artifact = [frame["label"].get(at(hour)) for hour in (50, 51, 52, 53, 60)]
    assert artifact == [False, None, True, False, True]


def test_rows_without_a_label_are_dropped_and_counted_or_negative(tmp_path):
    orders, sales = world(160)
    late = {row[0] for row in sales if row[3] - row[2] > timedelta(hours=4)}  # seen 7 h after: later than the horizon
    without = [row for row in orders[25:145] if row[0] in late or row[0] not in {sale[0] for sale in sales}]
    dropping = project_of(tmp_path / "drop", orders, sales)
    about = snapshot_of(dropping, AS_OF).about
    late_count = sum(row[0] in late for row in without)
    assert (about["dropped"]["label_missing"], about["dropped"]["label_late"]) == (
        len(without) - late_count,
        late_count,
    )
    keeping = project_of(tmp_path / "keep", orders, sales, label=MODEL["label"] | {"missing": "negative"})
    kept = load_snapshot(keeping, snapshot_of(keeping, AS_OF).id).frame.set_index("id")
    negative = [row[0] for row in without if row[0] in kept.index]
    assert negative
    assert not kept.loc[negative, "label"].any()
    assert not late & set(kept.index)


def labels_by_hand():
    """Orders of 160 hours with a sale each an hour and known 3 h after, until the source stops at 147; and exceptions.

    A label horizon is 6 h. Of order 50 there is no sale; that of 51 became known 6.1 h after the question; that of 52
    was there before the question and became known after it; that of 53 is 7 h after the question; that of 54 has no
    amount. The sale of 55 was known when it was asked about, and was corrected 2 h later. Of 143 there is none.
    """
    orders, _ = world(160)
    sales = {hour: [f"o{hour:04d}", "a", at(hour + 1), at(hour + 3), 9.0 if hour % 2 else 1.0] for hour in range(145)}
    del sales[50], sales[143]
    sales[51][3] = at(51 + 6.1)
    sales[52][2:4] = [at(49), at(53)]
    sales[53][2:4] = [at(60), at(61)]
    sales[54][4] = None
    sales[55][2:] = [at(54), at(54), 1.0]
    return orders, [*sales.values(), ["o0055", "a", at(54), at(57), 9.0]]


DROPPED = {"label_missing": 3, "label_null": 1, "label_late": 1, "label_incomplete": 0, "label_before": 1}


@pytest.mark.parametrize(
    ("missing", "freshness", "dropped", "negatives"),
    [
        ("drop", None, DROPPED, (0, 0)),
        # Negative are 50 and 53, whose sale is beyond the horizon, and 52; the source may not know that of 143 yet.
        ("negative", None, {"label_null": 1, "label_late": 1, "label_incomplete": 1}, (2, 1)),
        # A source that may be silent for 6 h is complete until 153, and so to the end of the horizon of 143, at 149.
        ("negative", "6h", {"label_null": 1, "label_late": 1}, (3, 1)),
    ],
)
def test_a_row_is_negative_only_where_its_source_was_complete_and_no_answer_came_later(
    tmp_path, missing, freshness, dropped, negatives
):
    orders, sales = labels_by_hand()
    project = project_of(tmp_path, orders, sales, freshness, label=MODEL["label"] | {"missing": missing})
    artifact = snapshot_of(project, AS_OF)
    counts = {reason: count for reason, count in artifact.about["dropped"].items() if reason.startswith("label_")}
    assert counts == dict.fromkeys(DROPPED, 0) | dropped
    assert tuple(artifact.about["negatives"].values()) == negatives
    label = load_snapshot(project, artifact.id).frame.set_index("id")["label"]
    labels = {hour: label.get(f"o{hour:04d}") for hour in (49, 50, 51, 52, 53, 54, 55, 56, 143)}
    absent = None if missing == "drop" else False
    last = False if freshness else None
    assert labels == {49: True, 50: absent, 51: None, 52: absent, 53: absent, 54: None, 55: True, 56: False, 143: last}


def test_labels_of_logged_predictions_are_the_snapshot_s(tmp_path):
    project = project_of(tmp_path, *world(160))
    ids = ingested(project, at(AS_OF))
    frame = load_snapshot(project, build_snapshot(project, "dear", ids, at(AS_OF)).artifact.id).frame
    asked = frame[["id", "effective_time"]].iloc[::-3]
    unknown = pd.DataFrame({"id": ["nobody"], "effective_time": [at(30)]}, index=[-1])
    both = pd.concat([asked, unknown.astype(asked.dtypes)])
    truth = labels_of(project, "dear", ids["sources/sales"], both, at(AS_OF))
    actual = truth["label"]
    assert list(actual.index) == [*asked.index, -1]
    assert actual[asked.index].astype(bool).equals(frame.loc[asked.index, "label"])
    assert actual[-1] is pd.NA
    assert set(truth["label_state"][asked.index]) == {"known"}
    assert truth.loc[-1, "label_state"] == "missing"
    assert labels_of(project, "dear", ids["sources/sales"], asked.iloc[:0], at(AS_OF)).empty


def test_a_label_with_one_class_is_an_error(tmp_path):
    orders, sales = world(160)
    label = MODEL["label"] | {"missing": "negative"}
    project = project_of(tmp_path, orders, [[*row[:4], 1.0] for row in sales], label=label)
    with pytest.raises(SnapshotError) as caught:
        snapshot_of(project, AS_OF)
    late = {row[0] for row in sales if row[3] - row[2] > timedelta(hours=4)}
    train = sum(25 <= int(row[0][1:]) <= 90 and row[0] not in late for row in orders)
    assert str(caught.value).startswith(
        f"dear: the label has one class (false) in all {train} rows of the train period ("
    )
    assert "negative: without a row in the label's source" in str(caught.value)
    assert str(caught.value).endswith("Correct label.expression, or lengthen split.train.")


def test_a_label_over_a_window_with_one_class_is_named_by_the_key_that_it_has(tmp_path):
    orders, sales = world(160)
    label = {"source": "sales", "any": "amount > 1e12", "within": "3h", "settle": "4h"}
    with pytest.raises(SnapshotError, match=r"one class \(false\) .* Correct label, or lengthen split.train.$"):
        snapshot_of(project_of(tmp_path, orders, sales, label=label), AS_OF)


def with_parts(folder, orders, sales):
    """Write the world with a source of sales that may have several rows for one order."""
    project_of(folder, orders, [])
    columns = COLUMNS["sales"] | {"part": "int"}
    write_csv(folder / "data/sales.csv", list(columns), sales)
    declared = {"key": ["id", "part"], "event_timestamp": "at", "known_at": {"column": "seen"}, "columns": columns}
    sources = {"sales": {"reader": {"csv": "data/sales.csv"}, **declared}}
    return write_project(folder, sources=sources, entities={"order": ["id"], "shop": ["shop"]})


def test_a_label_that_two_rows_decide_for_many_questions_is_an_error(tmp_path):
    orders, sales = world(160)
    both = [[*row[:4], amount, amount] for row in sales for amount in (1, 9)]
    with pytest.raises(
        SnapshotError, match=r"several rows of sales answer differently for \d+ of \d+ questions"
    ) as caught:
        snapshot_of(with_parts(tmp_path, orders, both), AS_OF)
    assert ", such as id 'o" in str(caught.value)


def test_one_question_with_contradictory_answers_costs_itself_and_equal_answers_are_one(tmp_path):
    orders, sales = world(160)
    plain = snapshot_of(project_of(tmp_path / "plain", orders, sales), AS_OF)
    truth = load_snapshot(open_project(tmp_path / "plain"), plain.id).frame.set_index("id")["label"]
    contradicted, repeated = truth.index[[40, 50]]
    rows = [[*row, 1] for row in sales]
    rows += [[*row[:4], 0 if row[4] > 5 else 9, 2] for row in sales if row[0] == contradicted]
    rows += [[*row, 2] for row in sales if row[0] == repeated]
    project = with_parts(tmp_path / "twice", orders, rows)
    artifact = snapshot_of(project, AS_OF)
    frame = load_snapshot(project, artifact.id).frame
    assert frame.set_index("id")["label"].to_dict() == truth.drop(contradicted).to_dict()
    assert artifact.about["dropped"] == plain.about["dropped"] | {"label_contradictory": 1}
    source = artifact.inputs["sources/sales"]
    asked = pd.DataFrame({"id": [contradicted, repeated]})
    asked["effective_time"] = pd.to_datetime([row[2] for id in asked["id"] for row in orders if row[0] == id])
    states = labels_of(project, "dear", source, asked, at(AS_OF))["label_state"].tolist()
    assert states == ["contradictory", "known"]
    assert len(truth_of(project, "dear", source, asked, at(AS_OF))) == 2
