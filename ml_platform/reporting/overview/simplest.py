"""Which of several ways to act on the same test rows is the simplest that is good enough: what should be deployed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from ml_platform.core.formatting import amount_text
from ml_platform.core.plain_values import json_value
from ml_platform.declarations.choice import Choose
from ml_platform.declarations.model import ModelSpec
from ml_platform.models.ladder import BASELINE, Ladder, simpler_than
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.artifact_kinds.trained_model import Rung
from ml_platform.storage.manifest import Artifact

DO_NOTHING = "doing nothing"


@dataclass(frozen=True)
class Simplest:
    """Ways to act on the same test rows, and which of them is the simplest that is good enough.

    Attributes
    ----------
    gains
        What each earned over doing nothing, in `unit`, the simplest first; of two versions the live one first.
    simpler
        Which of them are simpler algorithms than the versions.
    live
        The live version among them; None where it is not.
    margin
        How much of the best gain the simplest may lack, as a share: that of ``choose``, or its default.
    start, end
        The first and the last UTC day of the rows, as ``YYYY-MM-DD``.
    """

    gains: tuple[tuple[str, float], ...]
    simpler: tuple[str, ...]
    live: str | None
    margin: float
    rows: int
    start: str
    end: str
    unit: str

    @property
    def enough(self) -> str:
        """The name of the simplest that is good enough, by the rule of ``choose: simplest``."""
        rungs = tuple(Rung(name=name, gain=gain) for name, gain in self.gains)
        return self.gains[Ladder(rungs, self.margin, self.rows).chosen][0]

    @property
    def text(self) -> str:
        """Which is good enough and what each of them earned, in a sentence.

        >>> gains = (("doing nothing", 0.0), ("ridge", 394.0), ("version 1", 382.0))
        >>> simplest = Simplest(gains, ("ridge",), "version 1", 0.02, 90, "2024-03-01", "2024-03-09", "EUR")
        >>> print(simplest.text.partition(", on")[0])
        The simplest that is good enough is ridge with 394 EUR. Beside it
        """
        known = dict(self.gains)
        others = [(name, gain) for name, gain in reversed(self.gains) if name not in (self.enough, DO_NOTHING)]
        earned = [f"{self._named(name)} with {amount_text(gain)}" for name, gain in others]
        enough = f"{self._named(self.enough)} with {amount_text(known[self.enough], self.unit)}"
        rows = f"the same {self.rows:,} test rows of {self.start} to {self.end}"
        beside = f"Beside it, on {rows}: {', '.join(earned)}."
        return f"The simplest that is good enough is {enough}. {beside} {self._caution}"

    @property
    def then(self) -> str:
        """What follows for what is deployed, in a sentence."""
        share = f"{100 * self.margin:g} %"
        if self.enough == DO_NOTHING:
            return "None of them earns more than doing nothing."
        if self.enough in self.simpler:
            return (
                f'Declare "choose: simplest" to deploy the simplest within {share} of the best on the validate period.'
            )
        if self.live is None or self.enough == self.live:
            return f"Nothing simpler is within {share} of the best."
        return f"It earned over {share} more than {self.live}. The release rule decides whether it is sure enough."

    def as_json(self) -> dict[str, Any]:
        """Return plain values, with the sentences that people read."""
        facts: dict[str, Any] = json_value(asdict(self))
        return facts | {"enough": self.enough, "text": self.text, "then": self.then}

    @property
    def _caution(self) -> str:
        """What the statement rests on: a person who reads it some days later may see another name."""
        days = (date.fromisoformat(self.end) - date.fromisoformat(self.start)).days + 1
        rests = f"these {days} days" if days > 1 else "this day"
        return f"This compares what {rests} earned, without their intervals: a test of other days may name another."

    def _named(self, name: str) -> str:
        return f"{name} (live)" if name == self.live else name


def simplest_evaluated(
    about: EvaluationManifest, trained: Artifact, model: ModelSpec, numbers: Mapping[str, int], live: str | None
) -> Simplest | None:
    """Return which contender of an evaluation is the simplest that is good enough; None without a simpler algorithm.

    Parameters
    ----------
    trained
        The trained model that was evaluated.
    numbers
        Of the versions, by the id of their trained model.
    live
        The id of the live version's trained model.
    """
    simpler = [item for item in about.contenders if item.role == "baseline" and item.name in simpler_than(trained)]
    if not simpler:
        return None
    judged = {item.id: item for item in about.contenders if item.id in numbers and item.role != "baseline"}
    ordered = sorted(judged, key=lambda id: (id != live, numbers[id or ""]))
    names = {id: f"version {numbers[id or '']}" for id in ordered}
    return Simplest(
        gains=(
            (DO_NOTHING, 0.0),
            *((simple_name(item.name), item.gain) for item in simpler),
            *((names[id], judged[id].gain) for id in ordered),
        ),
        simpler=tuple(simple_name(item.name) for item in simpler),
        live=names.get(live),
        margin=margin_of(model),
        rows=about.rows_valued,
        start=about.start[:10],
        end=about.end[:10],
        unit=about.currency,
    )


def margin_of(model: ModelSpec) -> float:
    """Return how much of the best gain the simplest may lack, as a share."""
    return (model.choose or Choose()).simplest_within


def simple_name(name: str) -> str:
    """Return the name by which the declaration calls a baseline."""
    return name.removeprefix(BASELINE)
