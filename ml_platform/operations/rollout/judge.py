"""Judging a stage of a rollout: whether it is over, and whether the candidate kept its limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ml_platform.core.clock import rounded_duration
from ml_platform.core.formatting import counted
from ml_platform.operations.rollout.counts import Figures
from ml_platform.operations.rollout.money import Money
from ml_platform.registry.rollout import Rollout

Outcome = Literal["wait", "next", "promote", "end"]


@dataclass(frozen=True)
class Judged:
    """What a stage came to.

    Attributes
    ----------
    outcome
        wait: the stage continues; next: the next stage begins; promote: the candidate becomes champion; end: the
        candidate is removed.
    candidate, champion
        What the workers counted in this stage.
    money
        Since the rollout began.
    """

    rollout: Rollout
    outcome: Outcome
    reason: str
    candidate: Figures
    champion: Figures
    money: Money
    currency: str

    @property
    def kept_limits(self) -> bool:
        """Whether latency and errors are within their limits, as far as they are counted."""
        return _over_a_limit(self.rollout, self.candidate, self.champion) is None

    def facts(self) -> dict[str, Any]:
        """Return the figures by name."""
        return {
            **self.rollout.facts,
            "outcome": self.outcome,
            "reason": self.reason,
            "rows": self.candidate.rows,
            "errors": self.candidate.errors,
            "latency_us": self.candidate.latency(),
            "champion_latency_us": self.champion.latency(),
            "pairs": self.money.pairs,
            "differ": self.money.differ,
            "settled": self.money.gain.values,
            "waiting_for_labels": self.money.waiting,
            "gain": self.money.gain.mean,
            "gain_low": self.money.gain.low,
            "gain_high": self.money.gain.high,
            "verdict": self.money.verdict,
        }


def judge(rollout: Rollout, counted: Mapping[int, Figures], money: Money, currency: str, now: datetime) -> Judged:
    """Return what follows for a candidate.

    Parameters
    ----------
    counted
        What the workers counted in this stage, by version.
    """
    number = rollout.version.number
    candidate = counted.get(number, Figures())
    others = [figures for version, figures in counted.items() if version != number]
    champion = max(others, key=lambda figures: figures.rows, default=Figures())

    def judged(outcome: Outcome, reason: str) -> Judged:
        return Judged(rollout, outcome, reason, candidate, champion, money, currency)

    stage, last = rollout.stage, rollout.number + 1 == len(rollout.stages)
    over = _over_a_limit(rollout, candidate, champion)
    if over is not None:
        return judged("end", over)
    if money.verdict == "worse":
        return judged("end", f"it earns less than the champion beyond doubt: {money_text(money, currency)}")
    remaining = stage.time - (now - rollout.entered.clock)
    if remaining.total_seconds() > 0:
        return judged("wait", f"the stage has {rounded_duration(remaining)} left")
    if candidate.rows < stage.min_rows:
        return judged("wait", f"its time is over, but it has predicted {candidate.rows:,} rows of {stage.min_rows:,}")
    if stage.require == "better" and money.verdict != "better":
        if stage.at_most is not None and now - rollout.entered.clock >= stage.at_most:
            return judged("end", f"it does not earn more beyond doubt in time: {money_text(money, currency)}")
        return judged("wait", f"it waits until it earns more beyond doubt: {money_text(money, currency)}")
    passed = f"{stage.words} passed: {figures_text(candidate, champion)}; {money_text(money, currency)}"
    return judged("promote" if last else "next", passed)


def _over_a_limit(rollout: Rollout, candidate: Figures, champion: Figures) -> str | None:
    stage = rollout.stage
    if candidate.rows < stage.min_rows:
        return None
    if candidate.error_share > stage.max_errors:
        share = f"it could not answer {candidate.errors:,} of {candidate.rows:,} rows that the champion can answer"
        return f"{share}; the limit is {100 * stage.max_errors:g} %"
    took, beside = candidate.latency(), champion.latency()
    if took is None or beside is None or took <= stage.latency_limit(beside):
        return None
    return f"{figures_text(candidate, champion)}; the limit is {stage.max_latency}"


def figures_text(candidate: Figures, champion: Figures) -> str:
    """Return rows, errors and latencies as a person reads them."""
    took, beside = candidate.latency() or 0.0, champion.latency() or 0.0
    latency = f"95 % of its predictions took less than {took / 1000:.3g} ms, the champion's {beside / 1000:.3g} ms"
    return f"{candidate.rows:,} rows with {candidate.errors:,} errors; {latency}"


def money_text(money: Money, currency: str) -> str:
    """Return the result of the test of money in words."""
    if not money.gain.values:
        return f"the versions differ on {counted(money.differ, 'row')}, of which no label is settled"
    gain = money.gain
    return (
        f"on {gain.values:,} settled rows that differ it earned {gain.mean:+.4g} {currency} a row more than the "
        f"champion (between {gain.low:+.4g} and {gain.high:+.4g})"
    )
