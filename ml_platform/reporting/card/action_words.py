"""What the actions of a model came to, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ml_platform.core.formatting import amount_text, share_text
from ml_platform.storage.artifact_kinds.behavior import ActionOutcome


@dataclass(frozen=True)
class ActionWords:
    """One recommended action.

    Attributes
    ----------
    gain, missed
        What its rows earned more than doing nothing, and what the best actions would have earned more.
    met
        A line for each label that came about, and what it earned.
    """

    action: str
    rows: int
    gain: float
    missed: float
    met: tuple[str, ...]


def action_words(outcomes: Sequence[ActionOutcome], task: str, currency: str) -> tuple[ActionWords, ...]:
    """Return what each action came to, the one with the largest gain first.

    >>> late = ActionOutcome(action="call", label=1, rows=3, gain=30.0, missed=0.0)
    >>> early = ActionOutcome(action="call", label=0, rows=1, gain=-4.0, missed=4.0)
    >>> for line in action_words([early, late], "binary", "EUR")[0].met:
    ...     print(line)
    label true in 3 (75.0 %): earned 30.00 EUR more than doing nothing
    label false in 1 (25.0 %): earned 4.00 EUR less than doing nothing; the best action earns 4.00 EUR more
    """
    actions = {item.action: [other for other in outcomes if other.action == item.action] for item in outcomes}
    words = [
        ActionWords(
            action,
            rows := sum(item.rows for item in parts),
            sum(item.gain for item in parts),
            sum(item.missed for item in parts),
            tuple(_met(parts, rows, task, currency)),
        )
        for action, parts in actions.items()
    ]
    return tuple(sorted(words, key=lambda item: (-item.gain, item.action)))


def _met(parts: Sequence[ActionOutcome], rows: int, task: str, currency: str) -> Iterator[str]:
    for item in sorted(parts, key=lambda item: -item.rows):
        label = ("true" if item.label else "false") if task == "binary" else str(item.label)
        yield f"label {label} in {item.rows:,} ({share_text(item.rows / rows)}): {_earned(item, currency)}"


def _earned(item: ActionOutcome, currency: str) -> str:
    missed = f"the best action earns {amount_text(item.missed, currency)} more" if item.missed else ""
    if not item.gain:
        return missed or "no action earns more"
    beyond = "more" if item.gain > 0 else "less"
    earned = f"earned {amount_text(abs(item.gain), currency)} {beyond} than doing nothing"
    return f"{earned}; {missed}" if missed else earned
