"""The registry: which version of each model is champion, and which were.

The champion is a ref that moves by compare-and-set, and every move is a line in the ledger.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ml_platform.core.errors import ArtifactMissing, LedgerDamaged
from ml_platform.registry.evaluation.key import KIND as EVALUATION
from ml_platform.storage.ledger.lines import LedgerLine, ledger_lines
from ml_platform.storage.refs import read_ref, ref_at, ref_history
from ml_platform.storage.versions import Version, version_of

if TYPE_CHECKING:
    from ml_platform.project import Project


DEPLOY, ROLL_BACK = "deploy", "roll back"


def champion_ref(model: str) -> str:
    """Return the name of the ref that points at a model's champion."""
    return f"champion/{model}"


def champion(project: Project, model: str, at: datetime | None = None) -> Version | None:
    """Return the champion now, or at an instant of the past; None where nothing was deployed by then."""
    name = champion_ref(model)
    id = read_ref(project.database, name) if at is None else ref_at(project.database, name, at)
    return _version(project, model, id)


def champions(project: Project, model: str, instants: Iterable[Any]) -> dict[Any, Version | None]:
    """Return the champion at each of several instants, as `champion` does; the ledger is read once."""
    history = ref_history(project.database, champion_ref(model))
    times = [line.at for line in history]
    values = [None, *(line.to_value for line in history)]
    ids = {instant: values[bisect.bisect_right(times, instant)] for instant in instants}
    by_id = {id: _version(project, model, id) for id in set(ids.values())}
    return {instant: by_id[id] for instant, id in ids.items()}


def _version(project: Project, model: str, id: str | None) -> Version | None:
    if id is None:
        return None
    version = version_of(project, model, id)
    if version is None:
        raise LedgerDamaged(None, f"it records {id[:12]} as champion of {model}, but no such version is registered")
    return version


def first_deployed(project: Project, model: str) -> datetime | None:
    """Return when a version of the model first became champion, or None where none has been yet."""
    lines = ledger_lines(project.database, champion_ref(model))
    return lines[0].at if lines else None


@dataclass(frozen=True)
class Rivals:
    """The ids of the trained models that a challenger is compared with; None before the first deployment.

    Attributes
    ----------
    anchor
        The last version that, when it was deployed, earned more than the anchor before it beyond doubt; at first the
        first champion. It stays where it is while champions follow each other, so that small losses cannot add up.
    """

    champion: str | None
    anchor: str | None


def rivals_of(project: Project, model: str, trained_id: str, snapshot_id: str | None = None) -> Rivals:
    """Return champion and anchor that a trained model has to beat; of the champion itself, those before it.

    So the evaluation that a deployment rested on is found again as it was, and not made again. On another snapshot than
    that of this evaluation, the champion is its own rival: a rule is the same version after each retraining, and its
    evaluation on newer rows shows whether it still earns more than doing nothing.

    Parameters
    ----------
    snapshot_id
        The snapshot to evaluate on; None for that of the deployment.
    """
    lines = ledger_lines(project.database, champion_ref(model))
    deployed = [number for number, line in enumerate(lines) if line.to_value == trained_id and line.action == DEPLOY]
    if (
        deployed
        and lines[-1].to_value == trained_id
        and snapshot_id in (None, _deployed_on(project, lines[deployed[-1]]))
    ):
        lines = lines[: deployed[-1]]
    return Rivals(lines[-1].to_value, anchor_after(lines)) if lines else Rivals(None, None)


def _deployed_on(project: Project, line: LedgerLine) -> str | None:
    """Return the snapshot of the evaluation that a deployment rested on; None where the evaluation is gone."""
    try:
        return project.store.get(EVALUATION, str(line.facts.get("evaluation", ""))).inputs["snapshot"]
    except ArtifactMissing:
        return None


def anchor(project: Project, model: str, at: datetime | None = None) -> Version | None:
    """Return the version that is the anchor now, or was at an instant; None where nothing was deployed by then."""
    lines = [line for line in ledger_lines(project.database, champion_ref(model)) if at is None or line.at <= at]
    return version_of(project, model, anchor_after(lines)) if lines else None


def anchor_after(lines: Sequence[LedgerLine]) -> str:
    """Return what the last deployment left as the anchor; the first champion where it noted none."""
    return str(lines[-1].facts.get("anchor") or lines[0].to_value)


def was_rolled_back(project: Project, version: Version) -> bool:
    """Return whether a version was champion, and the last that happened to it is that it was rolled back."""
    lines = ledger_lines(project.database, champion_ref(version.model))
    before = [None, *(line.to_value for line in lines)]
    touched = [line for line, old in zip(lines, before, strict=False) if version.id in (line.to_value, old)]
    return bool(touched) and touched[-1].action == ROLL_BACK and touched[-1].to_value != version.id
