"""Predictors of every algorithm and task over rows that are hostile, for tests of one row against many."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ml_platform.models.bundled_code import Code
from ml_platform.models.calibration import Calibration
from ml_platform.models.decision import Decision
from ml_platform.models.estimators.base import FitRequest
from ml_platform.models.estimators.registry import fit_estimator, load_estimator
from ml_platform.models.inputs.columns import InputColumn, read_columns
from ml_platform.models.inputs.matrix import encode, learn_columns
from ml_platform.models.inputs.transforms import apply_transforms, learn_transform
from ml_platform.models.predictor import Predictor

INPUTS = tuple(
    InputColumn(name, kind)  # type: ignore[arg-type]
    for name, kind in {
        "t.x": "float",
        "t.known": "float",
        "t.count": "int",
        "t.flag": "bool",
        "t.letter": "string",
        "t.word": "string",
        "t.at": "timestamp",
        "t.seats": "int",
    }.items()
)
FEATURES = ["t.x", "t.known", "t.count", "t.flag", "t.letter", "t.word"]
CLASSES: dict[str, tuple[Any, ...]] = {
    "binary": (False, True),
    "multiclass": tuple(f"c{index:02d}" for index in range(11)),
    "regression": (),
    "quantile": (),
}
PAYOFFS = {
    "act": "-150.5 + label * 0.4 * t.seats * max(t.x, 1.1)",
    "ask": "where(t.letter == 'q' or hour(t.at) > 12, 3, -1.5) * label - sqrt(abs(t.known)) / 7",
    "wait": "0",
}
OF_SEVERAL = {"act": "where(label in ['c01', 'c03'], 0.3 * t.seats, -1)", "wait": "0.1"}
TRANSFORMS = """
import numpy as np
import pandas as pd


def steps(rows):
    at = rows["t.at"]
    return pd.DataFrame(
        {
            "hour": at.dt.hour.astype("Int64"),
            "double": rows["t.x"] * 2.5 + rows["t.known"],
            "root": np.log1p(rows["t.known"].abs()),
            "both": rows["t.letter"] + rows["t.word"],
            "flag": rows["t.flag"],
        },
        index=rows.index,
    )


def wide(rows):
    return pd.DataFrame({"triple": rows["steps.double"] * 3})
"""
ROW_FORM = """

def steps_row(row):
    at, letter, word = row["t.at"], row["t.letter"], row["t.word"]
    return {
        "hour": None if at is None else at.hour,
        "double": row["t.x"] * 2.5 + row["t.known"],
        "root": np.log1p(abs(row["t.known"])),
        "both": None if letter is None or word is None else letter + word,
        "flag": row["t.flag"],
    }
"""


def plain_rows(count: int, seed: int, *, hostile: bool) -> list[list[Any]]:
    """Return rows of plain values; hostile ones have nulls, infinities, huge and tiny numbers and unseen texts."""
    draw = np.random.default_rng(seed)
    start = pd.Timestamp("2024-01-01", tz="UTC").to_pydatetime()
    at = [start + pd.Timedelta(minutes=int(minute)).to_pytimedelta() for minute in draw.integers(0, 99_999, count)]
    rows = [
        [
            float(draw.normal()),
            float(draw.gamma(2, 3)),
            int(draw.integers(0, 9)),
            bool(draw.random() < 0.4),
            str(draw.choice(["p", "q", "r"])),
            f"w{draw.integers(0, 70)}",
            at[index],
            int(draw.integers(1, 300)),
        ]
        for index in range(count)
    ]
    for row in rows:
        for place in (0, 2, 3, 5):
            if draw.random() < 0.1:
                row[place] = None
        if hostile:
            _spoil(row, draw)
    return rows


def _spoil(row: list[Any], draw: np.random.Generator) -> None:
    floats = [
        None,
        np.nan,
        np.inf,
        -np.inf,
        0.0,
        -0.0,
        1e300,
        -1e300,
        1.7e308,
        5e-324,
        -1e-36,
        1e38,
        2**53 + 1,
        3,
        True,
    ]
    ints = [None, 0, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 4.0, True]
    pools: list[list[Any]] = [floats, floats, ints, [None, True, False, 1, 0.0], [None, "z", "", "Q", "\U0001f600"]]
    pools += [[None, "w", "unseen"], [None], ints]
    for place, pool in enumerate(pools):
        if draw.random() < 0.35:
            row[place] = pool[int(draw.integers(0, len(pool)))]


def frame_of_rows(rows: list[list[Any]]) -> pd.DataFrame:
    """Return rows as a typed frame: whole numbers are never floats on the way."""
    kinds: dict[str, tuple[Any, str]] = {"float": (float, "float64"), "int": (int, "Int64"), "bool": (bool, "boolean")}
    columns = {}
    for place, column in enumerate(INPUTS):
        convert, dtype = kinds.get(column.type, (lambda value: value, "object"))
        values = [None if row[place] is None else convert(row[place]) for row in rows]
        columns[column.name] = pd.Series(values, dtype=dtype)
    return read_columns(pd.DataFrame(columns), INPUTS)


def predictor_of(
    algorithm: str, task: str, folder: Path, *, calibration: str = "none", transforms: str = "", **more: Any
) -> Predictor:
    """Return a predictor that was fitted on drawn rows, kept and loaded."""
    (folder / "steps.py").write_text(transforms or "\n")
    for name, source in more.pop("files", {}).items():
        (folder / name).write_text(source)
    references = ["steps:steps", "steps:wide"] if transforms else []
    code = Code.read(folder, [*references, *([algorithm] if ":" in algorithm else [])], folder / "kept")
    train, validate = (frame_of_rows(plain_rows(count, seed, hostile=False)) for count, seed in ((700, 0), (400, 1)))
    learned = []
    rows = train
    for reference in references:
        transform, rows = learn_transform(reference, code.load(reference), rows, code.load_row_form(reference))
        learned.append(transform)
    columns = learn_columns(rows, [*FEATURES, *(column.name for item in learned for column in item.columns)])
    matrix, later = encode(rows, columns), encode(apply_transforms(validate, learned), columns)
    fitting = FitRequest(
        task=task,  # type: ignore[arg-type]
        algorithm=algorithm,
        params=more.pop("params", {}),
        matrix=matrix,
        label=_label(task, train),
        validate=later,
        validate_label=_label(task, validate),
        classes=CLASSES[task],
        quantile=0.8 if task == "quantile" else None,
        source="t",
        code=code,
    )
    fitted = fit_estimator(dataclasses.replace(fitting, **more))
    estimator = load_estimator(fitted.kind, fitted.save(), code)
    actions = {} if task in ("regression", "quantile") else OF_SEVERAL if task == "multiclass" else PAYOFFS
    return Predictor(
        task=task,  # type: ignore[arg-type]
        inputs=INPUTS,
        transforms=tuple(learned),
        matrix=columns,
        estimator=estimator,
        calibration=Calibration.fit(calibration, fitted.predict(later), fitting.validate_label),
        decision=Decision("t", actions, None if actions else "-abs(label - prediction)", "wait" if actions else "0"),
        classes=CLASSES[task],
        code=code,
    )


def _label(task: str, frame: pd.DataFrame) -> np.ndarray:
    truth = frame["t.x"].fillna(0) + (frame["t.letter"] == "q") + np.sin(np.arange(len(frame)) * 7.7)
    values: np.ndarray = truth.to_numpy(dtype="float64")
    if task == "binary":
        return (values > 0.3).astype("float64")
    if task == "multiclass":
        return np.digitize(values, np.quantile(values, np.linspace(0, 1, 12)[1:-1])).astype("float64")
    return values
