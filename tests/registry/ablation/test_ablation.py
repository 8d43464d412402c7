"""What each source is worth: that of a loop over the raw rows, in a world where one carries all and one nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from ml_platform.datasets.snapshot.build import build_snapshot
from ml_platform.declarations.node_kinds.ablation import AblationOptions
from ml_platform.features.build import build_feature_table
from ml_platform.project import Project, open_project
from ml_platform.registry.ablation.ablation import ablate_model
from ml_platform.registry.ablation.parts import input_parts, without
from ml_platform.reporting.overview.ablation_lines import ablation_lines, ablation_sentences
from ml_platform.sources.ingest import ingest_source
from ml_platform.storage.artifact_kinds.ablation import AblatedPart, AblationManifest
from tests.registry.backtest.meters import FILES, HORIZON, NOW, START, days_since_start, write_meters

pytestmark = pytest.mark.slow
END = (NOW - HORIZON - START) / timedelta(days=1)
SOURCE = """\
spec_version: 1
name: {name}
description: A measurement beside each request, known before it.
owner: team:meters
reader: {{csv: data/{name}.csv}}
key: [request_id]
event_timestamp: seen_at
known_at: {{delay: 0s}}
{more}columns:
  request_id: {{type: string, required: true}}
  seen_at: {{type: timestamp, required: true}}
  amount: float
"""
TABLE = """\
spec_version: 1
name: {name}_now
description: The measurement of a request.
owner: team:meters
entity: request
source: {name}
refresh: 1h
publish_delay: 0s
features: {{amount: {{last: amount, windows: [7d]}}}}
"""


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, pd.DataFrame, AblationManifest]:
    """A reading follows `carrier` alone; `static` is noise."""
    folder, rows = write_meters(tmp_path_factory.mktemp("inputs"), lambda day: np.zeros_like(day), a_day=30)
    draw = np.random.default_rng(11)
    rows["carrier"], rows["static"] = draw.normal(size=(2, len(rows)))
    rows["reading"] = 2 * rows["carrier"] + draw.normal(size=len(rows))
    (folder / "features").mkdir()
    seen = [(time - timedelta(hours=3)).isoformat() for time in pd.to_datetime(rows["asked_at"])]
    for name, more in (("carrier", "monthly_cost: 100\n"), ("static", "")):
        (folder / f"sources/{name}.yaml").write_text(SOURCE.format(name=name, more=more))
        (folder / f"features/{name}_now.yaml").write_text(TABLE.format(name=name))
        facts = pd.DataFrame({"request_id": rows["request_id"], "seen_at": seen, "amount": rows[name]})
        facts.to_csv(folder / f"data/{name}.csv", index=False)
    rows[["request_id", "read_at", "known_at", "reading"]].to_csv(folder / "data/readings.csv", index=False)
    features = "[carrier_now.*, static_now.*, requests.x]"
    model = FILES["models/reading.yaml"].replace("[requests.x, requests.noise]", features)
    (folder / "models/reading.yaml").write_text(model)
    project = open_project(folder)
    names = ("requests", "readings", "carrier", "static")
    ids = {f"sources/{name}": ingest_source(project, name, NOW).made.artifact.id for name in names}
    for name in ("carrier", "static"):
        ids[f"features/{name}_now"] = build_feature_table(project, f"{name}_now", ids[f"sources/{name}"]).artifact.id
    snapshot = build_snapshot(project, "reading", ids, NOW).artifact.id
    return project, rows, ablate_model(project, "reading", snapshot, AblationOptions(features=True))


def part(about: AblationManifest, kind: str, name: str) -> AblatedPart:
    (only,) = [item for item in about.parts if (item.kind, item.name) == (kind, name)]
    return only


def by_hand(rows: pd.DataFrame, removed: str) -> float:
    """Return what a test row earned more with an input, by two fits on the raw rows."""
    at, truth = days_since_start(rows["asked_at"]), rows["reading"].to_numpy()
    train = (at > END - 28 - 7 - 84) & (at <= END - 28 - 7 - 2)
    test = (at > END - 28) & (at <= END)
    earned = []
    for columns in (["carrier", "static", "x"], [name for name in ("carrier", "static", "x") if name != removed]):
        model = LinearRegression().fit(rows.loc[train, columns], truth[train])
        earned.append(20 - (truth - model.predict(rows[columns])) ** 2)
    return float((earned[0] - earned[1])[test].mean())


@pytest.mark.parametrize(("source", "column"), [("carrier", "carrier"), ("static", "static"), ("requests", "x")])
def test_the_worth_of_a_source_is_that_of_two_fits_on_the_raw_rows(
    studied: tuple[Project, pd.DataFrame, AblationManifest], source: str, column: str
) -> None:
    _, rows, about = studied
    worth = part(about, "source", source).worth
    assert worth is not None
    assert worth.figure == pytest.approx(by_hand(rows, column), rel=1e-9, abs=1e-9)


def test_the_source_that_carries_all_earns_and_noise_does_not(
    studied: tuple[Project, pd.DataFrame, AblationManifest],
) -> None:
    """Without an input of variance 1 and weight 2 the squared error of a row is larger by 4."""
    _, _, about = studied
    carrier, static = (part(about, "source", name).worth for name in ("carrier", "static"))
    assert carrier is not None
    assert static is not None
    assert carrier.low is not None
    assert carrier.high is not None
    assert 0 < carrier.low < 4 < carrier.high
    assert static.low is not None
    assert static.high is not None
    assert static.low < 0 < static.high
    assert abs(static.figure) < 0.02
    assert "it surely earns more with carrier (" in ablation_sentences(about)[1]


def test_a_table_of_one_source_and_a_feature_of_one_table_have_the_same_worth(
    studied: tuple[Project, pd.DataFrame, AblationManifest],
) -> None:
    _, _, about = studied
    same = [part(about, *name).worth for name in (("source", "carrier"), ("feature table", "carrier_now"))]
    feature = next(item for item in about.parts if item.kind == "feature" and item.name.startswith("carrier_now."))
    assert same[0] == same[1] == feature.worth


def test_a_line_shows_worth_beside_cost_age_and_record(
    studied: tuple[Project, pd.DataFrame, AblationManifest],
) -> None:
    project, _, about = studied
    lines = {(item.kind, item.name): item for item in ablation_lines(project, about)}
    carrier = lines["source", "carrier"]
    worth = part(about, "source", "carrier").worth
    assert worth is not None
    monthly = worth.figure * about.rows_a_day * 365.25 / 12
    assert (carrier.verdict, carrier.cost, carrier.monthly) == ("earns", "100", f"{monthly:,.0f}")
    assert carrier.record == "no check of 0 runs failed"
    assert lines["source", "static"].verdict == "not certain"
    assert lines["source", "static"].cost == ""


def test_a_source_carries_what_is_derived_from_it_and_directions_go_with_their_features(
    studied: tuple[Project, pd.DataFrame, AblationManifest],
) -> None:
    project, _, _ = studied
    spec, model = project.spec, project.spec.models["reading"]
    derived: Any = SimpleNamespace(reader=SimpleNamespace(inputs=("static",)))
    changed = replace(spec, sources=spec.sources | {"carrier": derived})
    parts = {item.name: item.features for item in input_parts(changed, model, with_features=False)}
    assert set(parts["static"]) == {"carrier_now.amount_7d", "static_now.amount_7d"}
    assert parts["carrier"] == ("carrier_now.amount_7d",)
    algorithm = model.algorithm.model_copy(update={"monotone": {"requests.x": "increasing"}})
    directed = model.model_copy(update={"algorithm": algorithm})
    reduced = without(directed, ("requests.x", "static_now.amount_7d"), ("requests.x",))
    assert (reduced.features, reduced.algorithm.monotone) == (("static_now.amount_7d",), {})


def test_a_model_with_one_source_needs_it(tmp_path: Path) -> None:
    folder, _ = write_meters(tmp_path / "one", lambda day: np.ones_like(day), a_day=20)
    project = open_project(folder)
    ids = {f"sources/{name}": ingest_source(project, name, NOW).made.artifact.id for name in ("requests", "readings")}
    snapshot = build_snapshot(project, "reading", ids, NOW).artifact.id
    about = ablate_model(project, "reading", snapshot, AblationOptions())
    (only,) = about.parts
    assert (only.name, only.worth, only.problem) == ("requests", None, "the model has no other features")
    assert ablation_sentences(about)[1] == "By source: it cannot be trained without requests."
