"""What a comparison of two versions holds: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ml_platform.core.formatting import amount_text
from ml_platform.core.plain_values import json_value
from ml_platform.registry.evaluation.basis import basis_text
from ml_platform.reporting.overview.simplest import Simplest
from ml_platform.storage.artifact_kinds.figures import IntervalBasis


@dataclass(frozen=True)
class DeclaredChange:
    """A key whose value differs between the declarations; `before` and `after` are None where it is not written."""

    key: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Gain:
    """An amount over all rows, with its 95 % interval; `basis` is what that rests on, or why there is none."""

    amount: float
    low: float | None
    high: float | None
    basis: IntervalBasis

    @property
    def basis_text(self) -> str:
        """What the interval rests on, or why there is none."""
        return self.basis.declined or basis_text(self.basis)


@dataclass(frozen=True)
class SimplerGain:
    """What a simpler algorithm earned on the rows of a comparison: over doing nothing, and more than a version.

    Attributes
    ----------
    more
        What it earned more than the version beside which it was fitted.
    """

    name: str
    gain: Gain
    more: Gain


@dataclass(frozen=True)
class DayGain:
    """What both versions earned more than doing nothing on one UTC day."""

    day: str
    rows: int
    first: float
    second: float


@dataclass(frozen=True)
class ActionChange:
    """The rows on which the actions differ in the same way, and what the second version earned more on them."""

    before: str
    after: str
    rows: int
    gain: float


@dataclass(frozen=True)
class ChangedRow:
    """One row with another action, or of a regression another prediction."""

    key: Mapping[str, Any]
    at: str
    label: Any
    before: Any
    after: Any
    gain: float


@dataclass(frozen=True)
class VersionComparison:
    """Two versions on the same rows.

    Attributes
    ----------
    first, second
        Such as ``late_arrival@1``.
    declared
        Keys of the model's declaration that differ; None where a version does not record its declaration.
    metrics
        Both figures by name.
    gains
        Of both versions, over doing nothing.
    difference
        What the second earned more than the first.
    beside
        The newer of both, beside which the simpler algorithms were fitted.
    simpler
        What these earned on the same rows, the simplest first.
    simplest
        Which of all is the simplest that is good enough; None where nothing simpler was fitted.
    changed
        How many rows have another action, or of a regression another prediction.
    rows_shown
        The first of them by time; of a regression those whose predictions differ most.
    notes
        What to know before believing the figures.
    """

    first: str
    second: str
    snapshot: str
    unit: str
    rows: int
    start: str
    end: str
    declared: tuple[DeclaredChange, ...] | None
    metrics: Mapping[str, tuple[float | None, float | None]]
    gains: tuple[Gain, Gain]
    difference: Gain
    beside: str
    simpler: tuple[SimplerGain, ...]
    simplest: Simplest | None
    days: tuple[DayGain, ...]
    changed: int
    actions: tuple[ActionChange, ...]
    rows_shown: tuple[ChangedRow, ...]
    notes: tuple[str, ...]

    @property
    def text(self) -> str:
        """Which of both earned more on these rows, in a sentence."""
        gain = self.difference
        if not gain.amount:
            return f"{self.second} and {self.first} earned the same on {self.rows:,} rows."
        beyond = "more" if gain.amount > 0 else "less"
        amount = f"{amount_text(abs(gain.amount), self.unit)} {beyond} than {self.first}"
        interval = "" if gain.low is None else f" (95 % interval {amount_text(gain.low)} to {amount_text(gain.high)})"
        return f"{self.second} earned {amount} on the same {self.rows:,} rows{interval}."

    @property
    def sureness_text(self) -> str:
        """How sure it is that they differ, in a sentence."""
        low, high = self.difference.low, self.difference.high
        if low is None or high is None:
            return f"It is not known how sure this is: {self.difference.basis_text}."
        if low <= 0 <= high:
            return f"This could be luck: the interval contains 0, from {self.difference.basis_text}."
        return f"Luck alone does not explain this: the interval does not contain 0, from {self.difference.basis_text}."

    def as_json(self) -> dict[str, Any]:
        """Return the comparison in JSON types."""
        facts: dict[str, Any] = json_value(asdict(self))
        facts["simplest"] = self.simplest.as_json() if self.simplest else None
        return {"verdict": self.text, "sureness": self.sureness_text, **facts}
