"""Planted leaks are blocked at every base rate; honest projects with rare positives are not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from ml_platform.datasets.leakage.find_leaks import find_leaks
from ml_platform.datasets.leakage.label_rows import HAPPENED, KNOWN_FROM, THEN, WAS_KNOWN
from ml_platform.datasets.snapshot.boundaries import Boundaries
from ml_platform.datasets.snapshot.read import Snapshot
from ml_platform.project import Project, open_project
from ml_platform.sources.checks.results import CheckResult
from tests.worlds import LATE_PARCEL, ORDERS, write_shop

START, DAY = datetime(2024, 1, 1, tzinfo=UTC), timedelta(days=1)
COLUMNS = ("recency", "spend", "card_age", "shop", "noise", "hint")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose model reads six columns of its population."""
    directory = tmp_path_factory.mktemp("leaks")
    write_shop(directory)
    declared = "".join(f"  {name}: {'string' if name == 'shop' else 'float'}\n" for name in COLUMNS)
    (directory / "sources/orders.yaml").write_text(ORDERS.replace("  items: int\n", f"  items: int\n{declared}"))
    features = ", ".join(f"orders.{name}" for name in COLUMNS)
    declared = LATE_PARCEL.replace("courier_recent.mean_late_7d > 20", "orders.recency > 20")
    lines = [f"features: [{features}]" if line.startswith("features:") else line for line in declared.splitlines()]
    (directory / "models/late_parcel.yaml").write_text("\n".join(lines) + "\n")
    return open_project(directory)


def customers(draw: np.random.Generator, rate: float, entities: int = 700, each: int = 8) -> pd.DataFrame:
    """Customers who are asked about every week: those who come often buy, and those who never come do not."""
    rows = entities * each
    loyalty = np.repeat(draw.normal(0, 1, entities), each)
    chance = 1 / (1 + np.exp(-(1.6 * loyalty + draw.normal(0, 0.7, rows))))
    label = chance >= np.quantile(chance, 1 - rate)
    dormant = np.repeat(draw.random(entities) < 0.35, each)
    label &= ~dormant
    has_card = np.repeat(draw.random(entities) < 0.7, each)
    label &= has_card
    return pd.DataFrame(
        {
            "order_id": np.repeat([f"c{number}" for number in range(entities)], each),
            "effective_time": pd.to_datetime([START + number * DAY for number in range(each)] * entities, utc=True),
            "orders.recency": np.where(dormant, 300, 80 - 20 * loyalty + draw.normal(0, 5, rows)),
            "orders.spend": np.where(dormant, np.nan, 50 + 20 * loyalty + draw.normal(0, 8, rows)),
            "orders.card_age": np.where(has_card, draw.gamma(2, 200, rows), np.nan),
            "orders.shop": draw.choice(["north", "south", "east"], rows),
            "orders.noise": np.where(draw.random(rows) < 0.01, np.nan, draw.normal(0, 1, rows)),
            "orders.hint": draw.normal(0, 1, rows),
            "label": label,
        }
    ).sort_values(["effective_time", "order_id"], ignore_index=True)


def checked(project: Project, frame: pd.DataFrame) -> list[CheckResult]:
    frame = frame.assign(prediction_time=frame["effective_time"])
    boundaries = Boundaries(START - DAY, START + 3 * DAY, START + 5 * DAY, START + 8 * DAY, DAY)
    never = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[us, UTC]")
    truth = {HAPPENED: never, KNOWN_FROM: never, THEN: None, WAS_KNOWN: False, "minutes_late": frame["label"] * 60.0}
    snapshot = Snapshot("none", frame, boundaries, {})
    model = project.spec.models["late_parcel"]
    return list(find_leaks(project.spec, model, snapshot, pd.DataFrame(truth, index=frame.index), ["minutes_late"]))


@pytest.mark.parametrize("seed", range(50))
def test_an_honest_project_with_rare_positives_is_not_blocked(project: Project, seed: int) -> None:
    draw = np.random.default_rng(seed)
    frame = customers(draw, rate=float(draw.uniform(0.004, 0.05)))
    blocking = [result.summary["problem"] for result in checked(project, frame) if result.blocks]
    assert not blocking


Hint = Callable[[np.random.Generator, np.ndarray], np.ndarray]

LEAKS: dict[str, Hint] = {
    "the label": lambda draw, label: label.astype(float),
    "its opposite": lambda draw, label: 1.0 - label,
    "its code among others": lambda draw, label: np.where(label, 7.0, draw.choice([1.0, 2.0, 3.0], len(label))),
    "a score of AUC 0.995": lambda draw, label: 3.65 * label + draw.normal(0, 1, len(label)),
    "at both ends": lambda draw, label: np.where(
        label, draw.choice([-5.0, 5.0], len(label)), draw.normal(0, 1, len(label))
    ),
    "only there when it happened": lambda draw, label: np.where(label, draw.normal(0, 1, len(label)), np.nan),
    "missing when it happened": lambda draw, label: np.where(label, np.nan, draw.normal(0, 1, len(label))),
    "missing in half of those that happened": lambda draw, label: np.where(
        label & (draw.random(len(label)) < 0.5), np.nan, draw.normal(0, 1, len(label))
    ),
}


@pytest.mark.parametrize("rate", [0.03, 0.1, 0.4])
@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_blocked_and_named(project: Project, leak: str, rate: float) -> None:
    draw = np.random.default_rng(9)
    frame = customers(draw, rate, entities=4000)
    frame["orders.hint"] = LEAKS[leak](draw, frame["label"].to_numpy())
    problems = [str(result.summary["problem"]) for result in checked(project, frame) if result.blocks]
    assert any("orders.hint" in problem for problem in problems), problems


def test_a_strong_feature_of_few_positives_is_a_warning_with_its_figures(project: Project) -> None:
    """Eleven positives in the validate period, all above every other row: an AUC of 1, and no proof of 0.9."""
    draw = np.random.default_rng(4)
    frame = customers(draw, 0.1)
    positive = np.zeros(len(frame), bool)
    for first, count in ((0, 30), (4 * 700, 11)):
        positive[first : first + count] = True
    frame["label"], frame["orders.hint"] = positive, positive + draw.random(len(frame))
    single_feature = {result.name: result for result in checked(project, frame)}["single_feature"]
    assert not single_feature.passed
    assert single_feature.severity == "warn"
    assert "orders.hint (AUC 1.000, at least 0." in single_feature.summary["problem"]
    assert "not certain, because too few rows have one of the labels" in single_feature.summary["problem"]
