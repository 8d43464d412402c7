"""Errors of training, evaluation, release, predictions and reproduction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ml_platform.core.errors.base import PlatformError, listed, suggest


class TrainingError(PlatformError):
    """A model cannot be fitted on its snapshot."""


class DirtyTree(PlatformError):
    """Files that take part in a training are not committed, and the project refuses that."""

    def __init__(self, commit: str, changed: Sequence[str]) -> None:
        self.changed = tuple(changed)
        super().__init__(
            f"{listed(changed)} {'differs' if len(changed) == 1 else 'differ'} from commit {commit[:12]}, and "
            "project.yaml has audit.dirty_tree: refuse. Nothing was trained. Commit, or declare dirty_tree: mark."
        )


class NoSuchVersion(PlatformError):
    """A model has no version of this name."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(f"{text}: {problem}")


class NotComparable(PlatformError):
    """Two versions have no rows on which they can be compared."""


class NotReproducible(PlatformError):
    """What is needed to retrain a version is not in the store."""

    def __init__(self, version: str, problem: str, remedy: str) -> None:
        super().__init__(f"{version} cannot be reproduced: {problem}. {remedy}")


class ReproductionDiffers(PlatformError):
    """A version that was retrained has another fitted state."""

    def __init__(self, version: str, statement: str) -> None:
        super().__init__(f"{version} was trained again and is not the same: {statement}")


class ExportRefused(PlatformError):
    """A trained model cannot be written in a format, or the file would predict differently; `reasons` lists why."""

    def __init__(self, format: str, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(f"nothing is exported as {format}: {'; '.join(reasons).rstrip('.')}.".replace("?.", "?"))


class EvaluationError(PlatformError):
    """A trained model cannot be judged on the rows at hand."""


class PredictionError(PlatformError):
    """Rows do not fit the predictor: columns missing, or of another type."""


class NoSuchPrediction(PlatformError):
    """No logged prediction has this id; `problem` states what was found in its place."""

    def __init__(self, id: str, problem: str) -> None:
        self.id, self.problem = id, problem
        super().__init__(f"prediction {id!r}: {problem}.".replace("?.", "?"))


class InvalidMoment(PlatformError):
    """A function was called with a moment that is no datetime with a time zone."""

    def __init__(self, function: str, name: str, moment: object) -> None:
        kind = "without a time zone" if hasattr(moment, "tzinfo") else type(moment).__name__
        super().__init__(
            f"{function}: {name} must be a datetime with a time zone, found {moment} ({kind}). "
            "Write datetime(2024, 5, 1, tzinfo=UTC)."
        )


class InvalidWhatIf(PlatformError):
    """A what-if value does not fit the prediction's inputs. Nothing was scored."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"--what-if {name}: {problem}".replace("?.", "?"))


class ReleaseRefused(PlatformError):
    """A trained model did not meet its gates or its release rule; `reasons` names each figure and its limit.

    `measured` has the gates that were measured for the deployment, where one of them was missed.
    """

    def __init__(self, model: str, version: str, reasons: Sequence[str], measured: Sequence[Any] = ()) -> None:
        self.reasons, self.measured = tuple(reasons), tuple(measured)
        super().__init__(f"{model}@{version} is not deployed: {'; '.join(reasons)}. The champion stays.")


class ParityNotProven(ReleaseRefused):
    """What a version would serve online was not compared, or differs; `reasons` names rows and both values."""


class StaleEvaluation(PlatformError):
    """An evaluation does not judge what is to be deployed now. The champion stays."""

    def __init__(self, version: object, problem: str) -> None:
        model = str(version).partition("@")[0]
        super().__init__(
            f"{version} is not deployed: {problem}. The champion stays. Evaluate again: ml-platform run, or "
            f"materialize {model}/evaluation in Dagster."
        )


class NothingToRollBack(PlatformError):
    """No earlier champion can take over."""

    def __init__(self, model: str, problem: str) -> None:
        super().__init__(
            f"{model} cannot be rolled back: {problem}. `ml-platform champion {model}` names the champions of the past."
        )


class ApprovalNeeded(ReleaseRefused):
    """A version met all other requirements, and no one approved it; `rejected_by` names who rejected it."""

    def __init__(self, model: str, version: str, rejected_by: str | None = None, reason: str = "") -> None:
        self.rejected_by = rejected_by
        name = f"{model}@{version}"
        waits = f'it waits for approval: ml-platform approve {name} --reason "..."'
        super().__init__(model, version, [f"{rejected_by} rejected it: {reason}" if rejected_by else waits])


class ApprovalNotAsked(PlatformError):
    """A model's versions are deployed without approval."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"{model} asks for no approval, so there is nothing to approve. To ask for one, declare "
            f"deployment: {{approval: required}} in models/{model}.yaml."
        )


class ApprovalWithoutReason(PlatformError):
    """An approval or a rejection names no actor or no reason."""

    def __init__(self, version: str) -> None:
        super().__init__(f"{version}: an approval names an actor and a reason. Nothing was recorded. Give --reason.")


class UnknownModel(PlatformError):
    """The project declares no model of this name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"there is no model {name!r}. {suggest(name, known)}")
