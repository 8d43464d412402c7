"""One column of a window beside its usual range, in words: what the terminal, the pages and the drift report show."""

from __future__ import annotations

from dataclasses import dataclass

from ml_platform.core.formatting import share_text, spaced_percents
from ml_platform.operations.monitoring.drift_result import ColumnDrift
from ml_platform.storage.artifact_kinds.monitoring import ColumnFigures

_WHAT = {
    "missing": "share missing",
    "level": "mean rank",
    "spread": "spread of ranks",
    "position": "mean normal score",
}


@dataclass(frozen=True)
class ColumnRange:
    """One column of the newest window.

    Attributes
    ----------
    what
        Which figure moved furthest for what it moves anyway: ``missing``, ``level``, ``spread``, ``position`` or
        ``share of VALUE``.
    low, high
        The range of this figure in which the column has not drifted; None where no change would be detected.
    now
        The figure in the window.
    smallest_visible
        The smallest changes that would be found.
    note
        Why there is no verdict; empty where there is one.
    """

    column: str
    role: str
    verdict: str
    what: str
    by_growth: bool
    low: float | None
    high: float | None
    now: float
    smallest_visible: str
    note: str

    @property
    def is_share(self) -> bool:
        """Whether the figure is a share."""
        return _is_share(self.what)

    @property
    def what_text(self) -> str:
        """What moved, in words; empty where too few rows were compared."""
        if self.verdict == "too few rows":  # zeros would look like figures
            return ""
        what = _WHAT.get(self.what, self.what)
        return f"{what} of its growth a day" if self.by_growth and not self.is_share else what

    @property
    def range_text(self) -> str:
        """The range in which the column has not drifted."""
        if self.verdict == "too few rows":
            return ""
        if self.low is None or self.high is None:
            return "no limit"
        return f"{self._figure(self.low)} to {self._figure(self.high)}"

    @property
    def now_text(self) -> str:
        """The figure in the window; empty where too few rows were compared."""
        return "" if self.verdict == "too few rows" else self._figure(self.now)

    def _figure(self, figure: float) -> str:
        return share_text(figure) if self.is_share else f"{figure:.2f}".replace("-", "−")


def column_range(column: ColumnFigures | ColumnDrift) -> ColumnRange:
    """Return one column that was compared beside its usual range.

    >>> found = column_range(ColumnFigures.model_construct(
    ...     column="a", role="feature", verdict="drifted", what="missing", by_growth=False, expected=0.02, mean=0.164,
    ...     threshold=0.05, note="", smallest_visible="missing 2.0% -> 7.0%"))
    >>> found.what_text, found.range_text, found.now_text, found.smallest_visible
    ('share missing', '0 % to 7.0 %', '16.4 %', 'missing 2.0 % -> 7.0 %')
    """
    low, high = _range(column.expected, column.threshold, is_share=_is_share(column.what))
    return ColumnRange(
        column=column.column,
        role=column.role,
        verdict=column.verdict,
        what=column.what,
        by_growth=column.by_growth,
        low=low,
        high=high,
        now=column.mean,
        smallest_visible=spaced_percents(column.smallest_visible),
        note=column.note,
    )


def _range(expected: float, threshold: float | None, *, is_share: bool) -> tuple[float | None, float | None]:
    if threshold is None:
        return None, None
    low, high = expected - threshold, expected + threshold
    return (max(low, 0.0), min(high, 1.0)) if is_share else (low, high)


def _is_share(what: str) -> bool:
    return what == "missing" or what.startswith("share of ")
