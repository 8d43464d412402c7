"""Labels that compare rows with what was known at the question, against loops written from docs/guides/labels.md."""

import random
from datetime import timedelta

import pandas as pd
import pyarrow as pa
import pytest

from ml_platform.datasets.labels.labels import labels_of, with_labels
from ml_platform.sources.ingest import ingest_source
from tests.datasets.labels.window_labels import BINARY, CLASSES, SEEDS, agrees, answer, project_of, random_rows, sale
from tests.features import oracle
from tests.features.world import at

SELLING = {
    "entity": "shop",
    "source": "sales",
    "refresh": "1h",
    "publish_delay": "20m",
    "features": {
        "mean": {"mean": "amount", "windows": ["9h"]},
        "rows": {"count": True, "windows": ["9h"]},
        "usual": {"mode": "kind", "windows": ["9h"]},
    },
}
MEAN, ROWS, USUAL = "selling.mean_9h", "selling.rows_9h", "selling.usual_9h"
TYPES = {MEAN: pa.float64(), ROWS: pa.int64(), USUAL: pa.string()}


def is_above(row, asked):
    return None if row["amount"] is None or asked[MEAN] is None else row["amount"] > asked[MEAN]


def excess(row, asked):
    return None if row["amount"] is None or asked[MEAN] is None else row["amount"] - asked[MEAN]


def is_usual(row, asked):
    return row["kind"] is not None and row["kind"] == asked[USUAL]


# By name: the declaration, the window in hours (after, within, settle), (aggregate, value of a row, condition), and
# what becomes of the aggregate. Rows and what was known at the question are given to all of them.
WINDOW = {"within": "6h", "settle": "2h"}
LABELS = {
    "above": ({"any": f"amount > {MEAN}", **WINDOW}, (0, 6, 2), ("any", is_above, None), None),
    "below": ({"none": f"amount > {MEAN}", **WINDOW, "after": "1h"}, (1, 6, 2), ("none", is_above, None), None),
    "time": ({"time_to": f"amount > {MEAN}", **WINDOW}, (0, 6, 2), ("time_to", is_above, None), None),
    "usual": ({"count": True, "where": f"kind == {USUAL}", **WINDOW}, (0, 6, 2), ("count", None, is_usual), None),
    "excess": ({"sum": f"amount - {MEAN}", **WINDOW}, (0, 6, 2), ("sum", excess, None), None),
    "last": (
        {"last": "kind", "where": f"kind == {USUAL}", **WINDOW},
        (0, 6, 2),
        ("last", lambda row, asked: row["kind"], is_usual),
        None,
    ),
    "more": (
        {"aggregates": {"n": {"count": True}}, "expression": f"n > {ROWS}", **WINDOW},
        (0, 6, 2),
        ("count", None, None),
        lambda n, asked: n > asked[ROWS],
    ),
    "gain": (
        {"aggregates": {"mean": {"mean": "amount"}}, "expression": f"mean - {MEAN}", **WINDOW},
        (0, 6, 2),
        ("mean", lambda row, asked: row["amount"], None),
        lambda mean, asked: None if mean is None or asked[MEAN] is None else mean - asked[MEAN],
    ),
}
TASKS = {"above": BINARY, "below": BINARY, "more": BINARY, "last": CLASSES}


def declared(directory, rows, **changes):
    """A project with one model for each label; none of its features is read by it."""
    labels = {name: LABELS[name][0] for name in LABELS}
    return project_of(directory, rows, labels, features={"selling": SELLING}, tasks=TASKS, **changes)


def known_at(rows, shop, instant, now):
    """What the feature table tells of a shop at a batch run."""
    tick = oracle.tick_at(instant, timedelta(hours=1), timedelta(minutes=20))
    rows = [row for row in rows if row["seen"] <= now]
    seen = oracle.visible(rows, shop, tick, -timedelta(hours=9), timedelta(0))
    return {
        MEAN: oracle.aggregate("mean", seen, lambda row: row["amount"], tick),
        ROWS: len(seen),
        USUAL: oracle.aggregate("mode", seen, lambda row: row["kind"], tick),
    }


def expected(rows, name, shop, instant, now, asked):
    """Return (label, state) by the words of the documentation."""
    _, (after, within, settle), (how, value, where), combine = LABELS[name]
    start, end, settled = (instant + timedelta(hours=hours) for hours in (after, within, within + settle))
    rows = [row for row in rows if row["seen"] <= now]
    if max((row["seen"] for row in rows), default=at(-999)) < settled:
        return None, "incomplete"
    in_window = [
        row
        for row in oracle.with_intervals(rows)
        if row["shop"] == shop and start < row["at"] <= end and (where is None or where(row, asked))
    ]
    in_time = [row for row in in_window if row["seen"] <= settled < row["until"]]
    first = {row["id"]: min(other["seen"] for other in rows if other["id"] == row["id"]) for row in rows}
    late = [row for row in in_window if row["seen"] == first[row["id"]] > settled]

    def decided(rows):
        of_row = None if value is None else lambda row: value(row, asked)
        result = answer(how, of_row, rows, instant, end)
        return result if combine is None else combine(result, asked)

    if late and decided(in_time + late) != decided(in_time):
        return None, "late"
    return decided(in_time), "null" if decided(in_time) is None else "known"


def labelled(project, names, asked, columns, now):
    """Return (label, state) of each (shop, instant) by the name of the label, with what was known at each."""
    source = ingest_source(project, "sales", now).made.artifact.id
    rows = pa.table(
        {
            "shop": pa.array([shop for shop, _ in asked], pa.string()),
            "effective_time": pa.array([instant for _, instant in asked], pa.timestamp("us", "UTC")),
            **{name: pa.array([by_label[name] for by_label in columns], kind) for name, kind in TYPES.items()},
        }
    )
    by_label = {}
    with project.engine() as engine:
        for name in names:
            labelled_rows = with_labels(project, name, source, rows, engine, now)
            by_label[name] = list(
                zip(labelled_rows["label"].to_pylist(), labelled_rows["label_state"].to_pylist(), strict=True)
            )
    return by_label


def compared(directory, seed, count, questions, **changes):
    """Compare every label with the loop, and return the states that were seen."""
    draw = random.Random(seed)
    rows, now = random_rows(draw, count), at(60)
    moments = [draw.choice([draw.randint(-10, 45), draw.uniform(-10, 45)]) for _ in range(questions)]
    asked = [(draw.choice(["a", "b", "c", "never"]), at(moment)) for moment in moments]
    columns = [known_at(rows, shop, instant, now) for shop, instant in asked]
    project = declared(directory, rows, **changes)
    states = set()
    for name, answers in labelled(project, LABELS, asked, columns, now).items():
        for (shop, instant), of_question, label in zip(asked, columns, answers, strict=True):
            value = expected(rows, name, shop, instant, now, of_question)
            assert agrees(label, value), (name, shop, instant, label, value)
            states.add(label[1])
    return states


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_every_comparison_equals_the_loop_with_ties_gaps_corrections_late_rows_and_nulls(tmp_path, seed):
    assert compared(tmp_path, seed, 220, 120) == {"known", "null", "late", "incomplete"}


@pytest.mark.slow
def test_comparisons_are_the_same_on_spark(tmp_path):
    assert compared(tmp_path, 9, 60, 20, engine="spark") >= {"known", "null"}


# By hand -------------------------------------------------------------------------

COMPLETE = sale("end", 50, shop="z")


def by_hand(directory, declared, rows, asked, task=BINARY):
    """Return (label, state) of questions, each with its columns by name."""
    project = project_of(directory, rows, {"only": declared}, features={"selling": SELLING}, tasks={"only": task})
    source = ingest_source(project, "sales", at(60)).made.artifact.id
    labels = labels_of(project, "only", source, pd.DataFrame(asked), at(60))
    return [(None if pd.isna(label) else label, state) for label, state in labels.itertuples(index=False)]


def test_a_label_of_one_row_reads_what_was_known_at_the_question(tmp_path):
    rows = [
        sale("r", 10, amount=3.0),
        sale("s", 10, shop="b", amount=3.0),
        sale("t", 10, shop="c", amount=3.0),
        COMPLETE,
    ]
    declared = {"expression": f"amount > {MEAN}", "horizon": "6h", "missing": "negative"}
    asked = {"shop": ["a", "b", "c", "d"], "effective_time": [at(9)] * 4, MEAN: [2.9, 3.0, None, 1.0]}
    actual = by_hand(tmp_path, declared, rows, asked)
    assert actual == [(True, "known"), (False, "known"), (None, "null"), (False, "missing")]


def test_questions_of_one_entity_are_compared_each_with_its_past(tmp_path):
    rows = [sale("r", 10, amount=3.0), sale("s", 11, amount=5.0), COMPLETE]
    declared = {"count": True, "where": f"amount > {MEAN}", "within": "4h", "settle": "0h"}
    asked = {"shop": ["a"] * 4, "effective_time": [at(9), at(9), at(10), at(8)], MEAN: [2.0, 4.0, 2.0, None]}
    actual = by_hand(tmp_path, declared, rows, asked, {})
    assert actual == [(2, "known"), (1, "known"), (1, "known"), (0, "known")]


def test_a_column_that_a_prediction_was_not_logged_with_is_null(tmp_path):
    declared = {"any": f"amount > {MEAN}", "within": "4h", "settle": "0h"}
    asked = {"shop": ["a", "b"], "effective_time": [at(9), at(9)]}
    actual = by_hand(tmp_path, declared, [sale("r", 10), COMPLETE], asked)
    assert actual == [(None, "null"), (False, "known")]


def test_a_label_may_read_the_columns_of_the_row_that_asks(tmp_path):
    rows = [sale("r", 10), COMPLETE]
    declared = {"any": "id != orders.id", "within": "4h", "settle": "0h"}
    asked = {"shop": ["a", "a"], "effective_time": [at(9), at(9)], "orders.id": ["r", "q"]}
    assert by_hand(tmp_path, declared, rows, asked) == [(False, "known"), (True, "known")]
