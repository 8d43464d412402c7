"""What a model was trained on, and what is not known of it, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from ml_platform.core.errors import listed
from ml_platform.core.formatting import share_text
from ml_platform.datasets.snapshot.build import excluded_texts
from ml_platform.operations.monitoring.drift_counts import DriftCounts
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest

_OFTEN_NULL = 0.5
_WITHOUT_SLICES = "It declares no slices: a group of rows can be served worse than the whole."


def limits_of(
    trained: TrainedModelManifest | None,
    snapshot: SnapshotManifest | None,
    evaluation: EvaluationManifest | None,
    drift: DriftCounts | None,
) -> tuple[str, ...]:
    """Return sentences: what the model was fitted on, what was left out, and what its figures cannot show."""
    return (
        *(_fitted(trained) if trained else ["It was not trained yet."]),
        *(_rows(snapshot) if snapshot else ()),
        *(_figures(evaluation) if evaluation else ()),
        *(_watched(drift) if drift else ()),
        *(() if evaluation and evaluation.slices else (_WITHOUT_SLICES,)),
    )


def _fitted(trained: TrainedModelManifest) -> Iterator[str]:
    parts = ", ".join(f"{rows:,} rows to {name}" for name, rows in trained.rows.items())
    if trained.refit is None:
        yield f"It was fitted on {parts}, and knows nothing after {trained.until[:10]}."
    else:
        yield f"It was fitted on {parts}, and evaluated. {trained.refit.text} It knows nothing after its last row."
        yield from (f"{_sentence(note)}" for note in trained.refit.notes)
    yield from (f"{_sentence(note)}" for note in trained.notes)


def _rows(snapshot: SnapshotManifest) -> Iterator[str]:
    bounds = snapshot.boundaries
    yield f"Its training period begins on {bounds.train_start[:10]}, its test period ends on {bounds.end[:10]}."
    reasons = excluded_texts(snapshot.dropped)
    if reasons:
        yield f"{sum(snapshot.dropped.values()):,} rows of this period were left out: {', '.join(reasons)}."
    nulls = [name for name, share in sorted(snapshot.nulls.items(), key=lambda item: -item[1]) if share >= _OFTEN_NULL]
    if nulls:
        worst = share_text(snapshot.nulls[nulls[0]])
        yield f"Often null: {listed(nulls)}; {nulls[0]} in {worst} of its rows."


def _figures(evaluation: EvaluationManifest) -> Iterator[str]:
    unvalued = evaluation.rows - evaluation.rows_valued
    if unvalued:
        yield f"{unvalued:,} of {evaluation.rows:,} test rows do not count in money."
    yield from map(_sentence, evaluation.notes)
    yield (
        "Earnings on test rows are an assumed effect: those of the recommended action, as if it were always taken and "
        "changed no label."
    )


def _watched(drift: DriftCounts) -> Iterator[str]:
    if drift.undecided:
        yield (
            f"Drift has no verdict for {drift.undecided} of {drift.columns} columns: they have too few rows, or they "
            "vary too much by themselves."
        )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
