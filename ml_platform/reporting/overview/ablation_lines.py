"""An ablation as people read it: sentences, and a line for each part of a model's inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ml_platform.core.formatting import amount_text, counted
from ml_platform.project import Project
from ml_platform.reporting.overview.backtest_lines import interval_ends, row_amount
from ml_platform.reporting.overview.node_record import node_record
from ml_platform.storage.artifact_kinds.ablation import AblatedPart, AblationManifest

MONTH_DAYS = 365.25 / 12
_KINDS = {"source": "source", "feature table": "feature_table"}


@dataclass(frozen=True)
class AblationLine:
    """One part of a model's inputs, in texts.

    Attributes
    ----------
    worth, interval
        What a row earned more with it, and the interval; why it is not known, where the model needs it.
    monthly
        The worth of all rows of a month.
    verdict
        ``earns`` or ``harms`` where that is sure; ``makes no difference``, ``not certain``, ``needed``, ``not known``.
    cost
        A month's, where it is declared.
    newest, record
        When its newest rows became known, and how often it broke.
    """

    kind: str
    name: str
    features: int
    worth: str
    interval: str
    monthly: str
    verdict: str
    cost: str
    newest: str
    record: str


def ablation_sentences(about: AblationManifest) -> tuple[str, ...]:
    """Return what follows from an ablation: what the model earns, what carries it, and what it can do without."""
    gain, unit = about.gain, about.currency
    known = f" (interval {interval_ends(gain)})" if gain.low is not None else ""
    total = amount_text(gain.figure * about.rows, unit)
    first = (
        f"{about.model} gained {total} over doing nothing on {counted(about.rows, 'test row')} of "
        f"{counted(about.days, 'day')}: {row_amount(gain.figure)} a row{known}."
    )
    return (first, *(_about(kind, about) for kind in _KINDS if any(part.kind == kind for part in about.parts)))


def _about(kind: str, about: AblationManifest) -> str:
    parts = [part for part in about.parts if part.kind == kind]
    by_verdict = {name: [part for part in parts if ablation_verdict(part) == name] for name in ("earns", "harms")}
    texts = []
    if by_verdict["earns"]:
        ranked = sorted(by_verdict["earns"], key=lambda part: -_worth(part))
        named = [f"{part.name} ({row_amount(_worth(part))} {about.currency} a row)" for part in ranked]
        texts.append(f"it surely earns more with {_listed(named)}")
    if by_verdict["harms"]:
        texts.append(f"it surely earns less with {_listed([part.name for part in by_verdict['harms']])}")
    open_parts = [
        part.name for part in parts if ablation_verdict(part) in ("not certain", "makes no difference", "not known")
    ]
    if open_parts:
        verb = "adds" if len(open_parts) == 1 else "add"
        texts.append(f"it is not certain that {_listed(open_parts)} {verb} anything{_most(parts, about.currency)}")
    needed = [part.name for part in parts if ablation_verdict(part) == "needed"]
    if needed:
        texts.append(f"it cannot be trained without {_listed(needed)}")
    return f"By {kind}: {'; '.join(texts)}."


def _most(parts: Sequence[AblatedPart], unit: str) -> str:
    """Return which part seems to be worth most; nothing where one surely is, or none is worth anything."""
    if any(ablation_verdict(part) == "earns" for part in parts):
        return ""
    known = [part for part in parts if part.worth is not None]
    best = max(known, key=_worth, default=None)
    if best is None or len(known) == 1 or _worth(best) <= 0:
        return ""
    return f" (the most by {best.name}, {row_amount(_worth(best))} {unit} a row)"


def ablation_lines(project: Project, about: AblationManifest) -> Iterator[AblationLine]:
    """Yield a line for each part: sources, then feature tables, then features, each by their worth."""
    kinds = list(dict.fromkeys(part.kind for part in about.parts))
    for part in sorted(about.parts, key=lambda part: (kinds.index(part.kind), -_worth(part))):
        worth = part.worth
        shown = {"worth": "–", "interval": part.problem or "", "monthly": "–"}
        if worth is not None:
            monthly = worth.figure * about.rows_a_day * MONTH_DAYS
            shown = {
                "worth": row_amount(worth.figure),
                "interval": interval_ends(worth),
                "monthly": amount_text(monthly, places=0),
            }
        yield AblationLine(
            kind=part.kind,
            name=part.name,
            features=len(part.features),
            verdict=ablation_verdict(part),
            **shown,
            **_recorded(project, part),
        )


def _recorded(project: Project, part: AblatedPart) -> dict[str, str]:
    if part.kind == "feature" or part.name not in {**project.spec.sources, **project.spec.feature_tables}:
        return {"cost": "", "newest": "", "record": ""}
    record = node_record(project, _KINDS[part.kind], part.name)
    cost = "" if record.monthly_cost is None else amount_text(record.monthly_cost, places=0)
    return {"cost": cost, "newest": record.newest_text, "record": record.breaks_text}


def _worth(part: AblatedPart) -> float:
    return float("inf") if part.worth is None else part.worth.figure


def ablation_verdict(part: AblatedPart) -> str:
    """Return what is known of a part's worth, in a word or two."""
    worth = part.worth
    if worth is None:
        return "needed"
    if worth.low is None or worth.high is None:
        return "not known"
    if worth.low == worth.high == 0:
        return "makes no difference"
    if worth.low > 0:
        return "earns"
    return "harms" if worth.high < 0 else "not certain"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
