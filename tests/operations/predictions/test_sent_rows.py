"""Predictions for rows that somebody brings are those that a batch run made of the same rows."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.cli.arguments import UsageError
from ml_platform.cli.predict_file import Destination, predict_file
from ml_platform.core.errors import NotMaterialized, PredictionError
from ml_platform.declarations.source import Column, ColumnType
from ml_platform.models.decision import Decision
from ml_platform.operations.predictions.sent_rows import predict_rows
from ml_platform.project import Project, open_project
from ml_platform.registry.evaluation.scored_rows import scored_rows
from ml_platform.registry.resolve import version_named
from ml_platform.storage.prediction_log import read_predictions
from tests.audit.verify.factory import DAY, MODEL, NOON, build_factory

pytestmark = pytest.mark.slow
NOW = NOON + DAY + timedelta(hours=11)


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Project:
    factory = build_factory(tmp_path_factory.mktemp("factory"))
    declared = factory.root / "project.yaml"
    declared.write_text(declared.read_text().replace("2024-03-01T00:00:00Z", f"{NOW:%Y-%m-%dT%H:%M:%SZ}"))
    return open_project(factory.root)


@pytest.fixture(scope="module")
def logged(factory: Project) -> pd.DataFrame:
    """What the first version predicted, with the courier, which the log does not keep."""
    predictions = read_predictions(factory, MODEL, NOON - DAY, NOW)
    orders = pd.read_csv(factory.root / "data/orders.csv").drop_duplicates("order_id")
    couriers = orders.set_index("order_id")["courier"]
    predictions = predictions[predictions["version"] == 1].reset_index(drop=True)
    return predictions.assign(**{"orders.courier": predictions["order_id"].map(couriers)})


def population_columns_of(logged: pd.DataFrame) -> pd.DataFrame:
    names = {name: name.partition(".")[2] for name in map(str, logged) if name.startswith("orders.")}
    return logged[list(names)].rename(columns=names).assign(time=logged["effective_time"])


def test_features_are_looked_up_as_the_batch_run_read_them(factory: Project, logged: pd.DataFrame) -> None:
    rows = population_columns_of(logged)
    predicted = predict_rows(factory, version_named(factory, f"{MODEL}@1"), rows, NOW)
    assert len(predicted) > 5
    assert predicted["score"].to_numpy().tobytes() == logged["score"].to_numpy().tobytes()
    assert predicted["action"].tolist() == logged["action"].tolist()
    features = [name for name in map(str, predicted) if name.startswith("courier_recent.")]
    pd.testing.assert_frame_equal(predicted[features], logged[features], check_dtype=False)
    assert list(predicted)[: len(rows.columns)] == list(rows.columns)


def test_the_rows_stay_as_they_were_and_their_predictions_have_their_index(
    factory: Project, logged: pd.DataFrame
) -> None:
    """The values are not copied to rename columns, so nothing may write into them."""
    rows = population_columns_of(logged)
    rows.index = pd.Index([f"row {number}" for number in reversed(range(len(rows)))], name="mine")
    before = rows.copy(deep=True)
    predicted = predict_rows(factory, version_named(factory, f"{MODEL}@1"), rows, NOW)
    pd.testing.assert_frame_equal(rows, before)
    pd.testing.assert_index_equal(predicted.index, before.index)


def with_columns(project: Project, **types: ColumnType) -> Project:
    """Return a project whose orders have more columns."""
    orders, sources = project.spec.sources["orders"], project.spec.sources
    more = {name: Column(type=kind) for name, kind in types.items()}
    wider = orders.model_copy(update={"columns": {**orders.columns, **more}})
    return project.with_spec(replace(project.spec, sources={**sources, "orders": wider}))


def test_columns_called_as_those_of_the_command_are_not_taken_for_them(factory: Project, logged: pd.DataFrame) -> None:
    rows = population_columns_of(logged)
    wider = with_columns(factory, time="string", score="float", action="string")
    more: dict[str, Any] = {"orders.time": "noon", "score": 740.0, "action": "loan"}
    predicted = predict_rows(wider, version_named(factory, f"{MODEL}@1"), rows.assign(**more), NOW)
    assert predicted["score"].to_numpy().tobytes() == logged["score"].to_numpy().tobytes()
    assert predicted["action"].tolist() == logged["action"].tolist()
    assert (predicted["orders.score"] == 740.0).all()
    assert (predicted["orders.action"] == "loan").all()


def test_a_feature_that_is_sent_is_taken_as_it_is(factory: Project, logged: pd.DataFrame) -> None:
    rows = population_columns_of(logged).assign(**{"courier_recent.mean_late_7d": 500.0})
    predicted = predict_rows(factory, version_named(factory, f"{MODEL}@1"), rows, NOW)
    assert (predicted["courier_recent.mean_late_7d"] == 500.0).all()
    assert (predicted["score"].to_numpy() != logged["score"].to_numpy()).any()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"drop": "courier"}, "the rows lack courier, which late_parcel@1 reads. Add them."),
        ({"rename": {"amount": "amuont"}}, "late_parcel@1 has no column 'amuont'. Did you mean amount?"),
        ({"assign": {"items": "many"}}, "column orders.items must be int, found string"),
        ({"assign": {"orders.items": 3}}, "the rows have column items twice, perhaps also as orders.items."),
        ({"assign": {"time": pd.Series([pd.NaT] * 9, dtype="datetime64[us, UTC]")}}, "time of row 1 is null"),
        ({"assign": {"time": pd.Timestamp(NOW + DAY)}}, "time of row 1 is after now"),
    ],
)
def test_what_does_not_fit_is_named(factory: Project, logged: pd.DataFrame, change: dict[str, Any], words: str) -> None:
    rows = population_columns_of(logged)
    rows = rows.drop(columns=change["drop"]) if "drop" in change else rows
    rows = rows.rename(columns=change.get("rename", {})).assign(**change.get("assign", {}))
    with pytest.raises(PredictionError) as raised:
        predict_rows(factory, version_named(factory, f"{MODEL}@1"), rows, NOW)
    assert words in str(raised.value)


def test_test_rows_carry_what_each_would_have_earned(factory: Project) -> None:
    """The oracle is the payoff of the declaration, by hand."""
    rows = scored_rows(factory, version_named(factory, f"{MODEL}@1"))
    by_hand = [
        (-4 + 9 * late) if action == "upgrade" else 0
        for action, late in zip(rows["action"], rows["label"], strict=True)
    ]
    assert rows["value"].tolist() == by_hand
    assert (rows["do_nothing"] == 0).all()
    spec = factory.spec.models[MODEL]
    assert Decision.declared(spec.value, spec.population.owner).do_nothing == "wait"


def test_a_file_is_predicted_at_the_terminal_and_nothing_is_logged(
    factory: Project, logged: pd.DataFrame, tmp_path: Path
) -> None:
    population_columns_of(logged).to_csv(tmp_path / "rows.csv", index=False)
    program = str(Path(sys.executable).parent / "ml-platform")
    before = len(read_predictions(factory, MODEL, NOON - DAY, NOW + DAY))
    for to in ("out.parquet", "out.csv"):
        command = [
            program,
            "predict",
            f"{MODEL}@1",
            str(tmp_path / "rows.csv"),
            str(factory.root),
            "--to",
            str(tmp_path / to),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(f"{len(logged)} predictions of {MODEL}@1 are in ")
    written = pd.read_parquet(tmp_path / "out.parquet")
    assert written["score"].to_numpy().tobytes() == logged["score"].to_numpy().tobytes()
    assert np.allclose(pd.read_csv(tmp_path / "out.csv")["score"], logged["score"])
    assert len(read_predictions(factory, MODEL, NOON - DAY, NOW + DAY)) == before
    rows = tmp_path / "rows.csv"
    same = subprocess.run([*command[:-1], str(rows)], capture_output=True, text=True)
    assert (same.returncode, "which would be lost" in " ".join(same.stderr.split())) == (1, True)
    for file, words in ((tmp_path / "rows.txt", "is neither"), (tmp_path / "none.csv", "there is no file")):
        done = subprocess.run([program, "predict", MODEL, str(file), str(factory.root)], capture_output=True, text=True)
        assert done.returncode == 1
        assert words in " ".join(done.stderr.split())


def test_no_row_and_a_key_that_is_null_everywhere_are_predicted(factory: Project, logged: pd.DataFrame) -> None:
    rows, version = population_columns_of(logged), version_named(factory, f"{MODEL}@1")
    none = predict_rows(factory, version, rows.head(0), NOW)
    assert (len(none), "score" in none) == (0, True)
    unknown = predict_rows(factory, version, rows.assign(courier=None), NOW)
    stranger = predict_rows(factory, version, rows.assign(courier="nobody of this name"), NOW)
    assert unknown["score"].tolist() == stranger["score"].tolist()


def test_a_feature_table_that_was_never_made_is_named(factory: Project, logged: pd.DataFrame) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ml_platform.operations.predictions.sent_rows.current_output", lambda *_: None)
        with pytest.raises(NotMaterialized, match="features/courier_recent does not exist yet"):
            predict_rows(factory, version_named(factory, f"{MODEL}@1"), population_columns_of(logged), NOW)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--to", "a.csv", "--to-table", "b", "--database", "SHOP_DB"], "give either --to FILE or --to-table TABLE."),
        (["--to-table", "b"], "--to-table TABLE and --database VARIABLE belong together"),
        (["--database", "SHOP_DB"], "--to-table TABLE and --database VARIABLE belong together"),
        (["--to-table", "b", "--database", "SHOP_DB"], "the environment variable SHOP_DB is not set."),
        (["--to-table", "a.b.c", "--database", "SHOP_DB"], "--to-table a.b.c: the name of a table"),
    ],
)
def test_destinations_that_do_not_go_together_are_refused(
    factory: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.csv").write_text("order_id\n1\n")
    named = dict(zip(options[::2], options[1::2], strict=True))
    to = Destination(Path(named["--to"]) if "--to" in named else None, named.get("--to-table"), named.get("--database"))
    with pytest.raises(UsageError) as refused:
        predict_file(factory.root, f"{MODEL}@1", tmp_path / "rows.csv", to, False)
    assert words in str(refused.value)
