"""One prediction at a time: `Predictor.row_form()` beside LightGBM's bare function for a single row.

The model has 300 trees of 63 leaves over 75 features, and each call gets another row: one row again and again would
stay in the processor's caches and look three times as fast. Variants take turns in small slices; printed are the
processor time of a call (tenth percentile and median over slices) and the median over rounds of the ratio to the bare
call.

    python benchmarks/row_form.py [--rounds 40] [--trees 300] [--check]
"""

from __future__ import annotations

import argparse
import ctypes
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.models.algorithms.lightgbm import LightGBM, import_lightgbm
from ml_platform.models.algorithms.lightgbm_row import library_of
from ml_platform.models.bundled_code import Code
from ml_platform.models.calibration import Calibration
from ml_platform.models.decision import Decision
from ml_platform.models.inputs.columns import InputColumn
from ml_platform.models.inputs.matrix import encode, learn_columns
from ml_platform.models.inputs.transforms import learn_transform
from ml_platform.models.predictor import Predictor

FEATURES, ROWS, SLICE = 75, 4_000, 100
LIMIT = 2.0
"""The row form takes at most this many times the bare call."""
NAMES = [f"t.x{index:02d}" for index in range(FEATURES)]
INPUTS = tuple(InputColumn(name, "float") for name in NAMES)
PAYOFFS = {"act": "-15 + label * 0.4 * t.x00 * t.x01", "wait": "0"}
FRAME = """
import numpy as np
import pandas as pd


def steps(rows):
    ratio = rows["t.x00"] / (1 + rows["t.x01"].abs())
    return pd.DataFrame({"ratio": ratio, "log": np.log1p(rows["t.x02"].abs())}, index=rows.index)
"""
ROW = """

def steps_row(row):
    return {"ratio": row["t.x00"] / (1 + abs(row["t.x01"])), "log": np.log1p(abs(row["t.x02"]))}
"""


def drawn(count: int, seed: int) -> pd.DataFrame:
    """Return rows of which one in twenty values is null."""
    draw = np.random.default_rng(seed)
    values = draw.normal(size=(count, FEATURES))
    values[draw.random(values.shape) < 0.05] = np.nan
    return pd.DataFrame(values, columns=NAMES)


def predictor(trees: int, folder: Path, texts: dict[int, str], transform: str, *, plain: bool) -> Predictor:
    """Return a fitted predictor; a plain one has neither calibration nor payoffs. `texts` keeps trees by columns."""
    (folder / "steps.py").write_text(transform)
    code = Code.read(folder, ["steps:steps"], folder / "kept") if transform else Code({}, folder, folder)
    frame, draw = drawn(8_000, 1), np.random.default_rng(2)
    rows, transforms = frame, []
    if transform:
        learned, rows = learn_transform(
            "steps:steps", code.load("steps:steps"), frame, code.load_row_form("steps:steps")
        )
        transforms.append(learned)
    columns = learn_columns(rows, list(rows.columns))
    matrix = encode(rows, columns)
    weights = draw.normal(size=FEATURES) * (draw.random(FEATURES) < 0.4)
    label = (np.nan_to_num(frame.to_numpy()) @ weights + draw.normal(0, 2, len(frame)) > 0).astype("float64")
    if matrix.values.shape[1] not in texts:
        lightgbm = import_lightgbm()
        params = {"objective": "binary", "num_leaves": 63, "num_threads": 1, "min_data_in_leaf": 5, "verbosity": -1}
        booster = lightgbm.train(params, lightgbm.Dataset(matrix.values, label), trees)
        texts[matrix.values.shape[1]] = booster.model_to_string()
    estimator = LightGBM.read(texts[matrix.values.shape[1]])
    scores = estimator.predict(matrix)
    return Predictor(
        task="binary",
        inputs=INPUTS,
        transforms=tuple(transforms),
        matrix=columns,
        estimator=estimator,
        calibration=Calibration.fit("none" if plain else "sigmoid", scores, label),
        decision=Decision("t", {} if plain else PAYOFFS, "0" if plain else None, "wait"),
        classes=(False, True),
        code=code,
    )


def bare(booster: Any, values: np.ndarray) -> Callable[[int], object]:
    """Return LightGBM's own call for a row that is in memory already, and nothing else."""
    library, settings = library_of(import_lightgbm()), ctypes.c_void_p()
    library.LGBM_BoosterPredictForMatSingleRowFastInit(
        booster._handle, 0, 0, -1, 1, values.shape[1], b"num_threads=1", ctypes.byref(settings)
    )
    output, count = (ctypes.c_double * 1)(), ctypes.c_int64()
    call, place, start, width = (
        library.LGBM_BoosterPredictForMatSingleRowFast,
        ctypes.byref(count),
        values.ctypes.data,
        8,
    )
    step = width * values.shape[1]
    return lambda row: call(settings, start + row * step, place, output)


def variants(trees: int, folder: Path) -> dict[str, Callable[[int], object]]:
    """Return what each variant does for one row."""
    frame = drawn(ROWS, 9)
    values = np.ascontiguousarray(frame.to_numpy())
    rows = [[None if value != value else value for value in row] for row in values.tolist()]
    texts: dict[int, str] = {}
    made = {
        name: predictor(trees, folder / name, texts, source, plain=name == "plain")
        for name, source in {"plain": "", "whole": "", "row": FRAME + ROW, "pandas": FRAME}.items()
        if (folder / name).mkdir() is None
    }
    forms = {name: form.row_form() for name, form in made.items()}
    booster = made["plain"].estimator.booster  # type: ignore[attr-defined]
    return {
        "LightGBM, bare call for a single row": bare(booster, values),
        "Booster.predict, an array of one row": lambda row: booster.predict(values[row : row + 1], num_threads=1),
        "row form": lambda row: forms["plain"].predict(rows[row]),
        "... with calibration and payoffs": lambda row: forms["whole"].predict(rows[row]),
        "... and a transform with a row form": lambda row: forms["row"].predict(rows[row]),
        "... and the same transform in pandas": lambda row: forms["pandas"].predict(rows[row]),
        "Predictor.predict, a frame of one row": lambda row: made["whole"].predict(frame.iloc[row : row + 1]),
    }


def measured(calls: dict[str, Callable[[int], object]], rounds: int) -> dict[str, list[float]]:
    """Return microseconds of processor time for a call, one number for each variant and round."""
    places = _places()
    number: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            chosen = [next(places) for _ in range(SLICE)]
            start = time.thread_time_ns()
            for row in chosen:
                call(row)
            if turn:  # the first round warms up
                number[name].append((time.thread_time_ns() - start) / 1000 / SLICE)
    return number


def _places() -> Iterator[int]:
    draw = np.random.default_rng(5)
    while True:
        yield from draw.permutation(ROWS).tolist()


def main() -> None:
    """Print the table; with ``--check`` exit with 1 where the row form takes more than twice the bare call."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measurement = measured(variants(asked.trees, Path(folder)), asked.rounds)
    base = next(iter(measurement.values()))
    ratios = {
        name: statistics.median(one / other for one, other in zip(times, base, strict=True))
        for name, times in measurement.items()
    }
    print(f"{'':42}{'p10 us':>10}{'median us':>12}{'ratio':>8}")
    for name, times in measurement.items():
        print(f"{name:42}{np.percentile(times, 10):10.1f}{statistics.median(times):12.1f}{ratios[name]:8.2f}")
    if asked.check and ratios["... with calibration and payoffs"] > LIMIT:
        sys.exit(f"the row form takes {ratios['... with calibration and payoffs']:.2f} times the bare call")


if __name__ == "__main__":
    main()
