"""The outcome of an experiment, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_platform.core.formatting import amount_text


def difference_text(model: Mapping[str, Any]) -> str:
    """Return how much more or less than the live version an experiment earned on the same rows, and how sure that is.

    Parameters
    ----------
    model
        The result of one model, as the experiment's record has it.
    """
    paired = model.get("paired")
    if paired is None:
        return f"No comparison with a live version: {model['no_comparison'].rstrip('.')}."
    version, gain = model["live"]["version"], paired["difference"]
    rows = f"on the same {paired['rows']:,} rows"
    if not gain["amount"]:
        return f"It earned the same as {version} {rows}."
    beyond = "more" if gain["amount"] > 0 else "less"
    amount = f"It earned {amount_text(abs(gain['amount']), model['unit'])} {beyond} than {version} {rows}"
    return f"{amount}{_interval(gain)}."


def gain_text(model: Mapping[str, Any]) -> str:
    """Return what an experiment earned beyond doing nothing on all of its own test rows."""
    figures = model["figures"]
    gain = {end: figures.get(f"value_vs_do_nothing{name}") for end, name in (("low", "_low"), ("high", "_high"))}
    amount = amount_text(figures["value_vs_do_nothing"], model["unit"])
    known = _interval({**gain, "basis": model["rests_on"]})
    return f"Over doing nothing it gained {amount} on {model['rows']:,} rows of {model['days']} days{known}."


def _interval(gain: Mapping[str, Any]) -> str:
    """Return the interval of a gain in words, whether that could be luck, or why there is none."""
    low, high = gain["low"], gain["high"]
    if low is None or high is None:
        declined = (gain.get("basis") or {}).get("declined")
        return f" ({declined or 'no interval'})"
    luck = ": this could be luck" if low <= 0 <= high else ": luck alone does not explain this"
    return f" (95 % interval {amount_text(low)} to {amount_text(high)}{luck})"
