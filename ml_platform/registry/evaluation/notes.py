"""What a reader of an evaluation should know before believing its figures, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ml_platform.core.errors import listed
from ml_platform.declarations.value import Value
from ml_platform.models.capacity import Capacity
from ml_platform.registry.evaluation.candidates import ANCHOR, CHAMPION
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.manifest import Artifact


def notes_on_value(value: Value) -> Iterator[str]:
    """Yield that nothing is in money, and that an action is limited, where it is so."""
    if value.unit is not None:
        yield "no value is declared, so that amounts are points, not money: declare what a row earns or costs."
    if (capacity := Capacity.declared(value)) is not None:
        yield f"every contender recommends {capacity.text}: the rows with the largest expected gain get it."


def notes_on_rows(rows: int, repeated: np.ndarray, unvalued: np.ndarray) -> Iterator[str]:
    """Yield what is not counted in money.

    Parameters
    ----------
    repeated, unvalued
        For each row, whether it is asked about again before its label is settled, and whether it has no value.
    """
    count = int(repeated.sum())
    if count:
        yield (
            f"{count} of {rows} rows are asked about again before their label is settled: only the last answer counts "
            "in money."
        )
    without = int((unvalued & ~repeated).sum())
    if without:
        yield f"{without} of {rows} rows have no value: a column that value reads is null."


def notes_on_earlier_versions(versions: Mapping[str, Artifact], start: str) -> Iterator[str]:
    """Yield which earlier versions, by their role, were fitted on rows from `start` on, which judge them here."""
    for role, version in versions.items():
        until = TrainedModelManifest.of(version).until
        if until > start:
            yield (
                f"the {role} was fitted on rows up to {until}, and some of them are test rows here: its "
                "figures are too good."
            )


def notes_on_refits(versions: Mapping[str, Artifact]) -> Iterator[str]:
    """Yield which versions, by their role, are judged by the fit before their refit."""
    refitted = [role for role, version in versions.items() if TrainedModelManifest.of(version).refit is not None]
    if refitted:
        verb = "is" if len(refitted) == 1 else "are"
        yield (
            f"{listed(refitted)} {verb} judged by the fit before the refit: what is deployed may have been fitted on "
            "rows of this test period."
        )


def notes_on_label(label: np.ndarray) -> Iterator[str]:
    """Yield that there is one class only, where it is so."""
    if label.dtype.kind != "f" and len(set(label.tolist())) == 1:
        one = f"one class ({str(label[0]).lower()}) in all {len(label)} rows"
        yield f"the test period has {one}: auc is undefined, and the sums do not cover the other class."


def notes_on_problems(problems: Mapping[str, str], *, has_anchor: bool) -> Iterator[str]:
    """Yield which versions cannot be run on these rows, and what that means for the release."""
    if CHAMPION in problems:
        yield f"the champion cannot be run on these rows: {problems[CHAMPION]}."
    if ANCHOR in problems and CHAMPION not in problems:
        yield f"the anchor cannot be run on these rows: {problems[ANCHOR]}. The champion takes its place."
    if CHAMPION in problems and not has_anchor:
        yield "no anchor can be run on these rows: a version that is deployed on them becomes the anchor."
