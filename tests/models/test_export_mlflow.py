"""Exports as models of MLflow, read back by MLflow."""

from __future__ import annotations

import json
import subprocess
import sys

import pandas as pd
import pytest

from ml_platform.core.errors import ArtifactDamaged
from ml_platform.models.export.mlflow import predictor_in
from tests.models.exported import exported, made, rows_of
from tests.models.test_predictor import CALENDAR
from tests.worlds import LATE_PARCEL

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:.*inferred as AnyType")]  # MLflow's own hints


def test_mlflow_carries_transforms_calibration_categories_and_payoffs(tmp_path, monkeypatch):
    import mlflow.pyfunc

    text = LATE_PARCEL.replace("split:", "transforms: [steps:calendar]\ncalibration: isotonic\nsplit:")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/steps.py").write_text(CALENDAR)
    model = made(tmp_path, monkeypatch, "late_parcel", models__late_parcel=text)
    export, folder = exported(tmp_path, model, "mlflow")
    assert (export.without, export.parity.identical, export.parity.skipped) == ([], 10_000, 0)
    rows = rows_of(model[2])
    loaded = mlflow.pyfunc.load_model(str(folder / "model"))
    pd.testing.assert_frame_equal(loaded.predict(rows), model[2].predict(rows), check_exact=True)
    texts = rows.assign(
        **{name: rows[name].map(lambda at: at.isoformat()) for name in ("orders.placed_at", "prediction_time")}
    )
    pd.testing.assert_frame_equal(loaded.predict(texts), model[2].predict(rows), check_exact=True)


def test_the_mlflow_model_is_read_in_another_process_without_the_project_and_without_pickle(tmp_path, monkeypatch):
    model = made(tmp_path, monkeypatch, "lane")
    _, folder = exported(tmp_path, model, "mlflow")
    rows = rows_of(model[2], 20)
    rows.to_json(tmp_path / "rows.json", orient="records", date_format="iso")
    script = (
        "import sys, pandas as pd, mlflow.pyfunc, pickle\n"
        "def refuse(*a, **k): raise AssertionError('something was unpickled')\n"
        "pickle.loads = pickle.load = pickle.Unpickler = refuse\n"
        f"model = mlflow.pyfunc.load_model({str(folder / 'model')!r})\n"
        f"rows = pd.read_json({str(tmp_path / 'rows.json')!r}, precise_float=True)\n"
        "print(model.predict(rows).to_json(orient='records', double_precision=15))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    expected = json.loads(model[2].predict(rows).to_json(orient="records", double_precision=15))
    assert json.loads(done.stdout.strip().splitlines()[-1]) == expected
    assert [path.name for path in folder.rglob("*") if path.suffix in (".pkl", ".pickle", ".joblib")] == []


def test_a_changed_file_of_the_mlflow_model_is_refused(tmp_path, monkeypatch):
    model = made(tmp_path, monkeypatch, "lateness")
    _, folder = exported(tmp_path, model, "mlflow")
    (trees,) = folder.rglob("trees.txt")
    trees.write_bytes(trees.read_bytes().replace(b"leaf_value=", b"leaf_value=1", 1))
    with pytest.raises(ArtifactDamaged):
        predictor_in(trees.parent)
