"""The versions of a model: since when each was live, or why it was not deployed, in a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing, ParityNotProven
from ml_platform.core.formatting import amount_text
from ml_platform.declarations.node_name import NodeName
from ml_platform.operations.versions.pending import waiting_version
from ml_platform.project import Project
from ml_platform.registry.approvals import REJECT, decision_on
from ml_platform.registry.champion import ROLL_BACK, champion_ref
from ml_platform.registry.evaluation.reasons import in_words, parts_of, reasons_of
from ml_platform.registry.parity_gate import require_parity
from ml_platform.registry.rollout import kept_out, rollout_of
from ml_platform.reporting.overview.worth import Worth, tested_worth
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.ledger.lines import LedgerLine, ledger_lines
from ml_platform.storage.outputs import past_outputs
from ml_platform.storage.versions import Version, versions

Outcome = Literal["live", "was live", "rolled back", "in rollout", "waits for approval", "rejected", "not deployed"]
_EVALUATIONS = 1000
_IN_PARENTHESES = re.compile(r" \([^()]*(\([^()]*\)[^()]*)*\)$")


@dataclass(frozen=True)
class Rival:
    """The live version at the evaluation of another one, on the same test rows.

    Attributes
    ----------
    gain
        What it earned over doing nothing, in `unit`.
    ahead
        How much more the other version earned.
    start, end
        The first and the last UTC day of the rows, as ``YYYY-MM-DD``.
    """

    number: int
    gain: float
    ahead: float
    rows: int
    start: str
    end: str
    unit: str

    @property
    def text(self) -> str:
        """How the other version did beside it, in a sentence without its subject.

        >>> Rival(1, 120.5, -20.25, 1200, "2024-03-01", "2024-03-14", "EUR").text
        'it earned 20.25 EUR less than version 1 on the same 1,200 rows of 2024-03-01 to 2024-03-14'
        """
        beside = f"{'more' if self.ahead >= 0 else 'less'} than version {self.number}"
        rows = f"the same {self.rows:,} rows of {self.start} to {self.end}"
        return f"it earned {amount_text(abs(self.ahead), self.unit)} {beside} on {rows}"


@dataclass(frozen=True)
class VersionHistory:
    """One version.

    Attributes
    ----------
    since, until
        The last time that it was live; None where it never was, or still is.
    actor
        Who deployed it.
    reasons
        Why it was deployed or not, each with its figure and its limit.
    tested
        What it earned on the test rows of its last evaluation; None where it has none.
    figures
        The metrics of this evaluation, by name.
    rival
        The version that was live at this evaluation, beside it on the same rows; None where there was none.
    is_kept_out
        Whether its evaluation recommended it, or is not what decides, and `reasons` names what keeps it out.
    """

    number: int
    id: str
    trained_at: datetime
    outcome: Outcome
    since: datetime | None
    until: datetime | None
    actor: str
    reasons: tuple[str, ...]
    tested: Worth | None
    figures: dict[str, float | int | None]
    rival: Rival | None = None
    is_kept_out: bool = False

    @property
    def text(self) -> str:
        """What became of the version, in a sentence.

        Its reasons follow a colon.
        """
        return self._text(self.reasons)

    @property
    def training_text(self) -> str:
        """When the version was trained and what became of it, in a few words."""
        return f"version {self.number} on {self.trained_at:%Y-%m-%d}: {self.outcome}"

    @property
    def short_text(self) -> str:
        """The same, without what the reasons have in parentheses at their end: intervals, and what they rest on."""
        return self._text([_IN_PARENTHESES.sub("", reason) for reason in self.reasons])

    def _text(self, reasons: Sequence[str]) -> str:
        compared = [self.rival.text] if self.rival and self.outcome == "not deployed" else []
        outcome, words = f"version {self.number} {self._outcome_text}", [in_words(reason) for reason in reasons]
        ordered = [*words, *compared] if self.is_kept_out else [*compared, *words]  # what decided comes first
        return ": ".join(filter(None, [outcome, "; ".join(ordered)]))

    @property
    def _outcome_text(self) -> str:
        if self.outcome == "live":
            return f"is live since {self.since:%Y-%m-%d}"
        if self.outcome in ("was live", "rolled back"):
            end = "rolled back on" if self.outcome == "rolled back" else "replaced on"
            return f"was live from {self.since:%Y-%m-%d}, {end} {self.until:%Y-%m-%d}"
        return {
            "in rollout": "is in rollout",
            "waits for approval": "waits for approval",
            "rejected": "was rejected",
        }.get(self.outcome, "was not deployed")


def version_history(project: Project, model: str, now: datetime) -> tuple[VersionHistory, ...]:
    """Return the versions of a model that were trained by `now`, the newest first."""
    lines = [line for line in ledger_lines(project.database, champion_ref(model)) if line.at <= now]
    evaluations = _evaluations(project, model)
    history = []
    for version in versions(project, model):
        if version.registered_at <= now:
            history.append(_history(project, version, lines, evaluations.get(version.id)))
    return tuple(reversed(history))


def _history(
    project: Project, version: Version, lines: list[LedgerLine], about: EvaluationManifest | None
) -> VersionHistory:
    outcome, since, until, line = _live(version, lines)
    if outcome == "not deployed":
        outcome = _pending(project, version)
    obstacles = _obstacles(project, version, about) if outcome == "not deployed" else ()
    return VersionHistory(
        number=version.number,
        id=version.id,
        trained_at=version.registered_at,
        outcome=outcome,
        since=since,
        until=until,
        actor=line.actor if line else "",
        reasons=obstacles or _reasons(project, version, outcome, line, about),
        tested=tested_worth(about) if about else None,
        figures=dict(about.figures) if about else {},
        rival=_rival(project, version.model, about) if about else None,
        is_kept_out=bool(obstacles),
    )


def _obstacles(project: Project, version: Version, about: EvaluationManifest | None) -> tuple[str, ...]:
    """Return what keeps a version out beside its evaluation; nothing where the evaluation explains why."""
    kept = kept_out(project, version)
    if kept:
        return (kept,)
    if about is None or about.verdict != "deploy":
        return ()
    try:
        require_parity(project, version)
    except ParityNotProven as differs:
        text = differs.reasons[0]  # the rows that differ follow, where any do
        return (f"what it serves differs from what training reads: {text}" if differs.reasons[1:] else text,)
    return ("it met its evaluation, and the deployment did not follow: ml-platform alerts names the cause",)


def _rival(project: Project, model: str, about: EvaluationManifest) -> Rival | None:
    """Return the champion of an evaluation, on its rows."""
    numbers = {version.id: version.number for version in versions(project, model)}
    champion = next((item for item in about.contenders if item.role == "champion"), None)
    if champion is None or champion.id not in numbers:
        return None
    gain, earned = (item.figures.get("value_vs_do_nothing") for item in (about.contenders[0], champion))
    if gain is None or earned is None:
        return None
    days = about.start[:10], about.end[:10]
    return Rival(numbers[champion.id], earned, gain - earned, about.rows_valued, *days, about.currency)


def _pending(project: Project, version: Version) -> Outcome:
    """Return what became of a version that was never live."""
    waiting, rollout = waiting_version(project, version.model), rollout_of(project, version.model)
    word = decision_on(project, version.model, version.id)
    if waiting is not None and waiting.id == version.id:
        return "waits for approval"
    if word is not None and word.action == REJECT:
        return "rejected"
    return "in rollout" if rollout is not None and rollout.version.id == version.id else "not deployed"


def _live(
    version: Version, lines: list[LedgerLine]
) -> tuple[Outcome, datetime | None, datetime | None, LedgerLine | None]:
    """Return whether a version is or was live, the last stretch of it, and the line that began this stretch."""
    starts = [place for place, line in enumerate(lines) if line.to_value == version.id]
    if not starts:
        return "not deployed", None, None, None
    place = starts[-1]
    while place and lines[place - 1].to_value == version.id:
        place -= 1
    after = next((line for line in lines[place:] if line.to_value != version.id), None)
    if after is None:
        return "live", lines[place].at, None, lines[place]
    outcome: Outcome = "rolled back" if after.action == ROLL_BACK else "was live"
    return outcome, lines[place].at, after.at, after if outcome == "rolled back" else lines[place]


def _reasons(
    project: Project, version: Version, outcome: Outcome, line: LedgerLine | None, about: EvaluationManifest | None
) -> tuple[str, ...]:
    if line is not None:
        return tuple(parts_of(line.reason))
    word = decision_on(project, version.model, version.id)
    if outcome == "rejected" and word is not None:
        return (f"{word.actor}: {word.reason}",)
    rollout = rollout_of(project, version.model)
    if outcome == "in rollout" and rollout is not None:
        return (rollout.stage_text,)
    if outcome == "waits for approval":
        return ()
    return tuple(reasons_of(about)) if about else ("it was not evaluated",)


def _evaluations(project: Project, model: str) -> dict[str, EvaluationManifest]:
    """Return the newest evaluation of each version as challenger, by the id of its trained model."""
    evaluations: dict[str, EvaluationManifest] = {}
    for id in past_outputs(project.database, NodeName("evaluation", model), _EVALUATIONS):
        try:
            artifact = project.store.get("evaluation", id)
        except (ArtifactMissing, ArtifactDamaged):
            continue
        evaluations.setdefault(artifact.inputs["trained_model"], EvaluationManifest.of(artifact))
    return evaluations
