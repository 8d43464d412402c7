"""A plan as Markdown, ready for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ml_platform.cli.plan_text import about_text, causes_once, conclusion, worth_texts
from ml_platform.operations.planning.plan import Plan


def plan_markdown(plan: Plan, evaluated: Sequence[Mapping[str, Any]] | None) -> str:
    """Return a plan: its conclusion, a table of the steps that are not up to date, and what the change is worth.

    Parameters
    ----------
    evaluated
        The results of `evaluate_changes`; None where nothing was evaluated.
    """
    return "\n".join(
        [f"## Plan of {_plain(plan.project)} at {plan.now:%Y-%m-%d %H:%M} UTC", "", *_lines(plan, evaluated)]
    )


def _lines(plan: Plan, evaluated: Sequence[Mapping[str, Any]] | None) -> Iterator[str]:
    yield from (_plain(text) for text in conclusion(plan))
    steps = causes_once(plan)
    if steps:
        yield from ("", "| step | plan | about | why |", "|---|---|---:|---|")
        for node, why in steps:
            cells = (f"`{node.node}`", node.verdict, about_text(node), _plain("; ".join(why)))
            yield f"| {' | '.join(cells)} |"
    if evaluated is not None:
        yield from ("", "### What the change is worth", "")
        yield from (f"- {_plain(text)}" for text in worth_texts(evaluated))


def _plain(text: str) -> str:
    """Return a text that Markdown shows as it is, in one line."""
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"\\{letter}" if letter in "\\`*_[]|#" else letter for letter in text)
