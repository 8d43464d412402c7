"""What a model is worth: what its predictions earned beyond doing nothing, how sure that is, and day by day."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ml_platform.core.errors import ArtifactMissing
from ml_platform.core.formatting import amount_text, share_text
from ml_platform.declarations.node_name import NodeName
from ml_platform.project import Project
from ml_platform.registry.evaluation.basis import basis_text
from ml_platform.storage.artifact_kinds.evaluation import EvaluationManifest
from ml_platform.storage.artifact_kinds.figures import IntervalBasis
from ml_platform.storage.artifact_kinds.monitoring import MonitoringManifest, RealizedDay, RealizedSums
from ml_platform.storage.outputs import current_output

_APART = {
    "superseded": "predicted again",
    "late": "scored late",
    "without_label": "without a label",
    "without_payoff": "with a null in the payoff",
    "undeclared": "whose reported action is not declared",
    "waiting": "whose label is not known yet",
}
"""Predictions that are not in the sums."""
Sureness = Literal["earns", "loses", "could be luck", "too few days"]


@dataclass(frozen=True)
class Worth:
    """What predictions earned beyond doing nothing, in `unit`.

    Attributes
    ----------
    low, high
        The 95 % interval of `gain`; None where there is none, with the reason in `basis`.
    expected
        What was expected of the same predictions when they were made.
    rows
        How many predictions are counted.
    start, end
        The first and the last UTC day, as ``YYYY-MM-DD``.
    basis
        On how many days and entities the interval rests, or why there is none.
    held_out
        How many rows were held out at random, so that `gain` is a measured effect; None where it is assumed that
        actions change no label.
    unmeasured
        Why a control group measures no effect yet; None where it does, or where there is none.
    followed, reported
        On how many of `rows` the recommended action was taken, and how many have a report; None if no source has them.
    apart
        How many predictions are not counted, by reason, in words; empty where all are.
    """

    gain: float
    low: float | None
    high: float | None
    expected: float | None
    rows: int
    start: str
    end: str
    unit: str
    basis: str
    held_out: int | None = None
    unmeasured: str | None = None
    followed: int | None = None
    reported: int | None = None
    apart: str = ""

    @property
    def sureness(self) -> Sureness:
        """The conclusion from the interval."""
        if self.low is None or self.high is None:
            return "too few days"
        if self.low > 0:
            return "earns"
        return "loses" if self.high < 0 else "could be luck"

    @property
    def text(self) -> str:
        """The amount, its interval and what was expected, in a sentence without its subject.

        >>> print(Worth(1234.5, 1000.0, 1500.0, 1300.0, 90, "2024-03-01", "2024-03-09", "EUR", "9 days").text)
        earned 1,234 EUR more than doing nothing (assumed effect; 95 % interval 1,000 to 1,500; 1,300 expected)
        """
        beyond = "more" if self.gain >= 0 else "less"
        text = f"earned {amount_text(abs(self.gain), self.unit)} {beyond} than doing nothing"
        parts = [self.basis]
        if self.low is not None and self.high is not None:
            parts = [f"95 % interval {_amount(self.low, self.gain)} to {_amount(self.high, self.gain)}"]
        if self.expected is not None:
            parts.append(f"{_amount(self.expected, self.gain)} expected")
        return f"{text} ({'; '.join([self.effect_text, *parts])})"

    @property
    def beside_expected(self) -> str:
        """The amount beside what was expected, in a sentence; empty where nothing was expected.

        >>> Worth(90, 1, 200, 70.5, 90, "2024-03-01", "2024-03-09", "EUR", "9 days").beside_expected
        'From 2024-03-01 to 2024-03-09 it earned 90.00 EUR, 70.50 expected.'
        """
        if self.expected is None:
            return ""
        earned = f"{amount_text(self.gain, self.unit)}, {_amount(self.expected, self.gain)} expected"
        return f"From {self.start} to {self.end} it earned {earned}."

    @property
    def effect_text(self) -> str:
        """Whether the gain is a measured effect.

        >>> Worth(9, 1, 20, None, 90, "2024-03-01", "2024-03-09", "EUR", "9 days", held_out=31).effect_text
        'measured effect, against 31 rows held out'
        """
        if self.held_out is not None:
            return f"measured effect, against {self.held_out:,} rows held out"
        return "assumed effect" if self.unmeasured is None else f"assumed effect, since {self.unmeasured}"

    @property
    def followed_text(self) -> str | None:
        """How often the recommended action was taken, in a sentence; None where no source reports it.

        >>> worth = Worth(9, 1, 20, None, 90, "2024-03-01", "2024-03-09", "EUR", "9 days", followed=60, reported=80)
        >>> worth.followed_text
        'The recommended action was taken on 66.7 % of 90 rows; 10 have no report and count as doing nothing.'
        """
        if self.followed is None or self.reported is None or not self.rows:
            return None
        text = f"The recommended action was taken on {share_text(self.followed / self.rows)} of {self.rows:,} rows"
        silent = self.rows - self.reported
        return f"{text}; {silent:,} have no report and count as doing nothing." if silent else f"{text}."

    @property
    def short_text(self) -> str:
        """The gain, whether it is a measured effect, what was expected, and a doubt where there is one, in a few words.

        >>> print(Worth(1234.5, 1000.0, 1500.0, 1300.0, 90, "2024-03-01", "2024-03-09", "EUR", "9 days").short_text)
        1,234 EUR (assumed; 1,300 expected)
        >>> print(Worth(9, -5, 23, None, 90, "2024-03-01", "2024-03-09", "EUR", "9 days").short_text)
        9.00 EUR (assumed; could be luck)
        """
        words = ["assumed" if self.held_out is None else "measured"]
        words += [] if self.expected is None else [f"{_amount(self.expected, self.gain)} expected"]
        words += [] if self.sureness == "earns" else [str(self.sureness)]
        return f"{amount_text(self.gain, self.unit)} ({'; '.join(words)})"

    def as_json(self) -> dict[str, Any]:
        """Return the fields with how sure the gain is, and all of it in a sentence."""
        texts = {name: getattr(self, name) for name in ("sureness", "text", "sureness_text", "effect_text")}
        return asdict(self) | texts

    @property
    def days_text(self) -> str:
        """The first and the last day."""
        return f"{self.start} to {self.end}"

    @property
    def sureness_text(self) -> str:
        """How sure it is that the model earns more than doing nothing, in a sentence."""
        return {
            "earns": f"Luck alone does not explain this: the interval is above 0, from {self.basis}.",
            "loses": f"It costs more than doing nothing, beyond luck, from {self.basis}.",
            "could be luck": f"This could be luck: the interval contains 0, from {self.basis}.",
            "too few days": f"How sure this is cannot be computed: {self.basis}.",
        }[self.sureness]


@dataclass(frozen=True)
class DayWorth:
    """One UTC day of batch runs: what its predictions earned and were expected to earn beyond doing nothing."""

    day: str
    rows: int
    gain: float
    expected: float | None


def realized_worth(realized: RealizedSums | None, unit: str) -> Worth | None:
    """Return what settled predictions earned; None where none is settled."""
    if realized is None or not realized.rows:
        return None
    effect = realized.effect
    measured = effect if effect is not None and effect.figure is not None and effect.low is not None else None
    shown = measured or realized.interval
    return Worth(
        gain=realized.uplift if measured is None or measured.figure is None else measured.figure,
        low=shown.low if shown else None,
        high=shown.high if shown else None,
        expected=realized.expected_gain,
        rows=realized.rows,
        start=realized.start[:10],
        end=realized.end[:10],
        unit=unit,
        basis=_basis(shown),
        held_out=measured.held_out if measured else None,
        unmeasured=effect.declined if effect else None,
        followed=realized.followed,
        reported=realized.reported,
        apart=", ".join(f"{rows:,} {what}" for name, what in _APART.items() if (rows := getattr(realized, name))),
    )


def tested_worth(about: EvaluationManifest) -> Worth | None:
    """Return what a version earned on the test rows of its evaluation; None where it has no figure in money."""
    figures = about.figures
    gain = figures.get("value_vs_do_nothing")
    if gain is None:
        return None
    return Worth(
        gain=gain,
        low=figures.get("value_vs_do_nothing_low"),
        high=figures.get("value_vs_do_nothing_high"),
        expected=None,
        rows=about.rows,
        start=about.start[:10],
        end=about.end[:10],
        unit=about.currency,
        basis=_basis(about.basis),
    )


def worth_by_day(project: Project, model: str, days: int) -> tuple[DayWorth, ...]:
    """Return the newest days with settled predictions since the first deployment, oldest first.

    They are of the newest monitoring, so that they add up to its sum where all days are among them.
    """
    id = current_output(project.database, NodeName("monitoring", model))
    since = _realized_since(project, id) if id else None
    return tuple(_day(item) for item in since.days[-days:]) if since else ()


def _realized_since(project: Project, id: str) -> RealizedSums | None:
    try:
        return MonitoringManifest.of(project.store.get("monitoring", id)).realized_since
    except ArtifactMissing:  # removed by retention
        return None


def _day(item: RealizedDay) -> DayWorth:
    return DayWorth(item.day, item.rows, item.value - item.do_nothing, item.expected_gain)


def _basis(interval: IntervalBasis | None) -> str:
    if interval is None or (interval.declined is None and interval.days is None):
        return "no interval"
    return interval.declined or basis_text(interval)


def _amount(amount: float, beside: float) -> str:
    """Return an amount with as many digits as the one that it is shown beside."""
    return amount_text(amount, places=0 if abs(beside) >= 100 else 2)
