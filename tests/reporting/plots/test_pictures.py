import io
from typing import Any

import pytest

from ml_platform.models.train import train_model
from ml_platform.registry.evaluation.evaluate import evaluate_model
from ml_platform.reporting.plots import pictures
from ml_platform.storage.artifact_kinds.evaluation import (
    CalibrationBin,
    EvaluationManifest,
    PredictedActual,
    ThresholdValue,
)
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from tests.models.rows import keep_snapshots, shop_project, snapshot
from tests.reporting.drift_column import drift_column


def _size(content):
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        return image.size, len(set(image.convert("RGB").resize((70, 40)).tobytes()))


def _is_a_picture(content):
    (width, height), colors = _size(content)
    return width == 1120 and 300 < height < 1200 and colors > 8


@pytest.mark.parametrize(
    ("model", "label", "names"),
    [
        ("late_parcel", "late", {"value_by_contender", "value_by_day", "calibration", "value_by_threshold"}),
        ("lateness", "minutes", {"value_by_contender", "value_by_day", "predicted_actual"}),
        ("lane", "lane", {"value_by_contender", "value_by_day"}),
    ],
)
def test_every_task_has_its_pictures(tmp_path, monkeypatch, model, label, names):
    keep_snapshots(monkeypatch, {"s": snapshot(label=label)})
    project = shop_project(tmp_path)
    trained = train_model(project, model, "s").artifact
    evaluation = evaluate_model(project, model, trained.id, "s", None).artifact
    actual = pictures.evaluation_pictures(EvaluationManifest.of(evaluation))
    assert set(actual) == names
    assert all(_is_a_picture(content) for content in actual.values())
    assert _is_a_picture(pictures.training_pictures(TrainedModelManifest.of(trained))["importance"])


def test_a_model_without_importances_has_no_picture_of_them():
    nothing: dict[str, Any] = {"importances": ()}
    assert pictures.training_pictures(TrainedModelManifest.model_construct(**nothing)) == {}


def _moved(column, ratio):
    verdict = "drifted" if ratio >= 1 else "inconclusive" if ratio > 0.5 else "not drifted"
    return drift_column(column, verdict, ratio=ratio)


def test_pictures_of_monitoring_are_drawn():
    assert _is_a_picture(pictures.drift([_moved(f"a.x{index}", index / 10) for index in range(30)]))


@pytest.mark.parametrize(
    "content",
    [
        lambda: pictures.drift([_moved("a.x", 0.0)]),
        lambda: pictures.calibration([CalibrationBin(score=0.0, share=0.0, rows=3)]),
        lambda: pictures.predicted_actual(
            [PredictedActual(predicted=1.0, actual=1.0, low=1.0, median=1.0, high=1.0, rows=1)]
        ),
        lambda: pictures.importance([("a.column_with_a_name_that_is_very_long_indeed_and_goes_on_7d", 1.0)]),
        lambda: pictures.value_by_threshold(
            [ThresholdValue(threshold=t, value=0.0, acted=0.0) for t in (0.0, 1.0)], "EUR"
        ),
    ],
)
def test_the_emptiest_data_still_make_a_picture(content):
    assert content().startswith(b"\x89PNG")


def test_the_same_data_give_the_same_bytes():
    draws = [pictures.drift([_moved("a.x", 0.1), _moved("a.y", 0.4)]) for _ in range(2)]
    assert draws[0] == draws[1]
