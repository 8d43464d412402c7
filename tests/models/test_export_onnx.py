"""Exports as ONNX, read back by onnxruntime."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from ml_platform.core.errors import ExportRefused
from tests.models.exported import exported, made, rows_of
from tests.models.rows import SEGMENTS
from tests.worlds import LATENESS

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*inferred as AnyType")]  # MLflow's own hints


NUMBERS = SEGMENTS.replace("orders.courier, orders.items", "orders.items")


@pytest.mark.parametrize("model", ["late_parcel", "lateness", "lane"])
def test_onnxruntime_gives_the_scores_to_the_fifth_digit(tmp_path, monkeypatch, model):
    import onnxruntime

    declared = {"models__lane": NUMBERS} if model == "lane" else {}
    trained = made(tmp_path, monkeypatch, model, **declared)
    without = ["nulls"] if model == "lateness" else ["actions", "nulls"]
    export, folder = exported(tmp_path, trained, "onnx", *without)
    predictor = trained[2]
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
    rows = rows_of(predictor)
    names = [column.name for column in predictor.matrix]
    kept = rows[[column.name for column in predictor.matrix if column.fill is not None]].notna().all(axis=1)
    scores = session.run(None, {session.get_inputs()[0].name: rows[names].to_numpy("float32")})[-1]
    scores = scores[:, 1:] if model == "late_parcel" else scores
    expected = predictor.predict(rows).filter(regex="^score").to_numpy()
    np.testing.assert_allclose(scores[kept], expected[kept], rtol=1e-5, atol=1e-5)
    assert 0 < export.parity.largest_difference < 1e-4
    assert export.parity.tolerance == 1e-5


def test_onnx_holds_no_texts(tmp_path, monkeypatch):
    with pytest.raises(ExportRefused, match=r"cannot hold categories: the texts orders\.courier are turned"):
        exported(tmp_path, made(tmp_path, monkeypatch, "lane"), "onnx", "actions", "nulls")


def test_trees_that_the_converter_gets_wrong_are_refused_by_their_answers(tmp_path, monkeypatch):
    linear = LATENESS.replace("num_leaves: 7,", "num_leaves: 7, linear_tree: true,")
    model = made(tmp_path, monkeypatch, "lateness", models__lateness=linear)
    with pytest.raises(ExportRefused, match=r"rows have another score"):
        exported(tmp_path, model, "onnx", "nulls")


def test_a_converter_that_is_not_installed_is_named_with_the_command(tmp_path, monkeypatch):
    model = made(tmp_path, monkeypatch, "lateness")
    monkeypatch.setitem(sys.modules, "onnxmltools", None)
    with pytest.raises(ExportRefused, match=r"pip install 'ml-platform\[onnx\]'"):
        exported(tmp_path, model, "onnx", "nulls")
