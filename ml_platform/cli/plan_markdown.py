"""A plan as Markdown, ready for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ml_platform.cli.plan_text import (
    about_text,
    breaking_texts,
    breaking_word,
    causes_once,
    compared_texts,
    conclusion,
    why_text,
    worth_texts,
)
from ml_platform.operations.planning.changes import Comparison
from ml_platform.operations.planning.plan import Plan


def plan_markdown(plan: Plan, evaluated: Sequence[Mapping[str, Any]] | None, compared: Comparison) -> str:
    """Return a plan: its conclusion, a table of the steps that are not up to date, and what the change is worth.

    Parameters
    ----------
    evaluated
        The results of `evaluate_changes`; None where nothing was evaluated.
    compared
        What is declared in another way than in a revision, or than when it was run last.
    """
    title = f"## Plan of {_plain(plan.project)} at {plan.now:%Y-%m-%d %H:%M} UTC"
    changes = _changed(compared) if compared.revision else ()
    broken = () if compared.revision else breaking_texts(compared)
    return "\n".join([title, "", *changes, *_lines(plan, evaluated, list(broken))])


def _changed(compared: Comparison) -> Iterator[str]:
    yield from (_plain(text) for text in compared_texts(compared))
    if compared.changes:
        yield from ("", "| node | change | breaking | why |", "|---|---|---|---|")
        for change in compared.changes:
            cells = (f"`{change.node}`", change.sort, breaking_word(change), _plain(why_text(change)))
            yield f"| {' | '.join(cells)} |"
    yield from ("", "### What a run would do", "")


def _lines(plan: Plan, evaluated: Sequence[Mapping[str, Any]] | None, broken: Sequence[str]) -> Iterator[str]:
    yield from (_plain(text) for text in (*conclusion(plan), *broken))
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
