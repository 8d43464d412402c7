"""Export a trained model: what the format cannot hold is refused, and its answers are compared over 10,000 rows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml_platform.core.errors import ExportRefused, suggest
from ml_platform.core.hashing import bytes_hash
from ml_platform.models.export import export_formats
from ml_platform.models.export.export_format import NULLS, OPTIONAL, ExportFormat, described
from ml_platform.models.export.parity_rows import parity_rows
from ml_platform.models.predictor import Predictor, load_deployed
from ml_platform.storage.manifest import Artifact

if TYPE_CHECKING:
    from ml_platform.project import Project


@dataclass(frozen=True)
class Parity:
    """How the exported file answers beside the model.

    Attributes
    ----------
    rows, of_snapshot
        How many rows were compared, and how many of them are rows of the snapshot. In the others each value is drawn
        from its column by itself, and some are null.
    identical
        How many rows have the same bits.
    largest_difference
        Of any score.
    tolerance
        What the format may differ by.
    skipped
        Rows with a null that counts as a median in the model, where nulls are left out.
    """

    rows: int
    of_snapshot: int
    identical: int
    largest_difference: float
    tolerance: float
    skipped: int


@dataclass(frozen=True)
class Export:
    """What was exported: also the content of ``export.json``."""

    version: str
    trained_model: str
    format: str
    folder: str
    files: dict[str, str]
    columns: list[dict[str, Any]]
    classes: list[Any]
    without: list[str]
    parity: Parity


def export_model(
    project: Project, trained: Artifact, version: str, format_name: str, folder: Path, without: Collection[str] = ()
) -> Export:
    """Write a trained model in the format of another tool, with ``export.json`` beside it.

    Parameters
    ----------
    version
        What a person calls it, such as ``late_arrival@3``.
    folder
        Where to; it must not exist. It appears only once the answers were compared.
    without
        What may be left out: ``actions``, ``nulls``.

    Raises
    ------
    ExportRefused
        Naming what the format cannot hold, or how many rows are answered in another way.
    """
    known = export_formats()
    if format_name not in known:
        raise ExportRefused(format_name, [f"this is no export format. {suggest(format_name, known)}"])
    kind, predictor = known[format_name](), load_deployed(project, trained)
    excluded = _excluded(kind, predictor, without)
    if folder.exists():
        raise ExportRefused(kind.name, [f"{folder} exists. Remove it, or name another folder"])
    rows, of_snapshot = parity_rows(project, trained, predictor)
    writing = folder.with_name(f".{folder.name}.writing")
    shutil.rmtree(writing, ignore_errors=True)
    writing.mkdir(parents=True)
    try:
        kind.write(predictor, writing)
        parity = _parity(kind, predictor, writing, rows, of_snapshot, excluded)
        export = Export(
            version=version,
            trained_model=trained.id,
            format=kind.name,
            folder=str(folder),
            files=_hashes(writing),
            columns=described(predictor.matrix),
            classes=list(predictor.classes),
            without=excluded,
            parity=parity,
        )
        text = json.dumps({key: value for key, value in asdict(export).items() if key != "folder"}, indent=2)
        (writing / "export.json").write_text(f"{text}\n", encoding="utf-8")
        writing.rename(folder)
    finally:
        shutil.rmtree(writing, ignore_errors=True)
    return export


def _excluded(kind: ExportFormat, predictor: Predictor, without: Collection[str]) -> list[str]:
    unknown = sorted(set(without) - set(OPTIONAL))
    if unknown:
        raise ExportRefused(kind.name, [f"{unknown[0]} cannot be left out. {suggest(unknown[0], OPTIONAL)}"])
    losses = list(kind.losses(predictor))
    refused = [loss for loss in losses if loss.name not in without]
    if refused:
        reasons = [f"it cannot hold {loss.name}: {loss.text}" for loss in refused]
        optional = [loss.name for loss in refused if loss.name in OPTIONAL]
        if len(optional) == len(refused):
            options = " ".join(f"--without {name}" for name in optional)
            reasons.append(f"to export the scores without that, add {options}")
        raise ExportRefused(kind.name, reasons)
    return [loss.name for loss in losses]


def _parity(
    kind: ExportFormat,
    predictor: Predictor,
    folder: Path,
    rows: pd.DataFrame,
    of_snapshot: int,
    excluded: Sequence[str],
) -> Parity:
    kept = _without_filled_nulls(predictor, rows) if NULLS in excluded else np.ones(len(rows), dtype=bool)
    compared = rows[kept].reset_index(drop=True)
    expected, actual = predictor.scores(compared), kind.answers(predictor, folder, compared)
    if actual.shape != expected.shape:
        raise ExportRefused(kind.name, [f"it gives scores of shape {actual.shape}, the model {expected.shape}"])
    gaps = np.abs(actual - expected).reshape(len(compared), -1)
    allowed = kind.tolerance * np.maximum(1.0, np.abs(expected)).reshape(len(compared), -1)
    far = ~(gaps <= allowed).all(axis=1)
    if far.any():
        worst = int(gaps.max(axis=1).argmax())
        raise ExportRefused(
            kind.name,
            [
                f"{int(far.sum())} of {len(compared)} rows have another score, by up to {gaps.max():.3g} "
                f"(row {worst}: {actual[worst].tolist()}, the model gives {expected[worst].tolist()})"
            ],
        )
    same = (actual == expected).reshape(len(compared), -1).all(axis=1)
    return Parity(
        rows=len(compared),
        of_snapshot=int(kept[:of_snapshot].sum()),
        identical=int(same.sum()),
        largest_difference=float(gaps.max()) if gaps.size else 0.0,
        tolerance=kind.tolerance,
        skipped=int((~kept).sum()),
    )


def _without_filled_nulls(predictor: Predictor, rows: pd.DataFrame) -> np.ndarray:
    filled = [column.name for column in predictor.matrix if column.fill is not None]
    kept: np.ndarray = rows[filled].notna().all(axis=1).to_numpy()
    return kept


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): bytes_hash(path.read_bytes()) for path in files}
