"""The live version of a model: since when, by whom and why, and what was fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ml_platform.core.errors import ArtifactMissing
from ml_platform.project import Project
from ml_platform.registry.champion import anchor, champion, champion_ref
from ml_platform.storage.artifact_kinds.trained_model import TrainedModelManifest
from ml_platform.storage.ledger.lines import ledger_lines


@dataclass(frozen=True)
class ChampionStatus:
    """The live version, since when, by whom and why.

    Attributes
    ----------
    anchor
        The number of the version that a refresh must beat: the last one that won outright.
    value
        Figures of the evaluation that it was deployed on, in the project's currency, with 95 % intervals.
    interval
        What the interval of its gain over doing nothing rests on, or why there is none.
    refit
        What the deployed predictor was fitted on where it is a refit, and what the evaluation judged, in sentences.
    """

    version: int
    id: str
    since: datetime
    actor: str
    reason: str
    value: Mapping[str, float | None]
    interval: Mapping[str, Any]
    anchor: int | None
    refit: str | None = None


def champion_status(project: Project, name: str, now: datetime) -> ChampionStatus | None:
    """Return the live version at `now`, or None where none was deployed by then."""
    version = champion(project, name, at=now)
    if version is None:
        return None
    moves = ledger_lines(project.database, champion_ref(name))
    line = [move for move in moves if move.to_value == version.id and move.at <= now][-1]
    figures, beaten = line.facts.get("figures", {}), anchor(project, name, at=now)
    return ChampionStatus(
        version=version.number,
        id=version.id,
        since=line.at,
        actor=line.actor,
        reason=line.reason,
        value={figure: figures[figure] for figure in sorted(figures) if figure.startswith("value")},
        interval=line.facts.get("interval", {}),
        anchor=beaten.number if beaten else None,
        refit=_refit_text(project, version.id),
    )


def _refit_text(project: Project, trained_id: str) -> str | None:
    try:
        refit = TrainedModelManifest.of(project.store.get("trained_model", trained_id)).refit
    except ArtifactMissing:
        return None
    return refit.text if refit else None
