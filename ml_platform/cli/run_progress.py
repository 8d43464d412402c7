"""The steps of a run as a person follows them: a line for each that computed something, one for those that did not."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ml_platform.core.errors import listed
from ml_platform.core.formatting import counted, elapsed_text, figure_text
from ml_platform.core.terminal_table import line
from ml_platform.declarations.node_name import NodeName

_ROWS = {
    "predictions": ("prediction", "predictions"),
    "evaluation": ("test row", "test rows"),
    "parity": ("row compared", "rows compared"),
    "online_store": ("record", "records"),
    "monitoring": ("prediction looked at", "predictions looked at"),
}
"""What one row and several rows of a step are, by the last part of its name; rows where it is not here."""
_VERDICTS = {
    "deploy": "the new version may be deployed",
    "keep": "the new version is not deployed",
    "deploy none": "neither version earns more than doing nothing",
    "same": "the live version was evaluated again",
    "drift": "drift found",
    "stable": "no drift found",
    "inconclusive": "no verdict on drift",
}
_NAMED = 3


class Progress:
    """The steps of a run as they go: finished ones line by line, and below them those that are running."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._running: dict[str, float] = {}
        self._unchanged: list[str] = []
        self._changed: set[str] = set()
        self._width = 0
        self._live = Live(get_renderable=self._now, console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        if self._console.is_terminal:
            self._live.stop()

    def show(self, event: Mapping[str, Any]) -> None:
        """Show one event of a run."""
        kind, step = event["event"], event.get("step", "")
        if kind == "run":
            self._width = max(map(len, event.get("steps", ())), default=0)
        elif kind == "start":
            self._running[step] = time.monotonic()
        elif kind == "done":
            self._running.pop(step, None)
            if event["reused"] and not self._is_news(step, event["figures"]):
                self._unchanged.append(step)
            else:
                self._changed.add(step)
                self._print("✓", "green", step, elapsed_text(timedelta(seconds=event["seconds"])), _about(event))
        elif kind == "failed":
            self._running.pop(step, None)
            self._flush()
            self._console.print(line(Text(f"✗ {step}: {event['error']}", "red"), indent=2))
        elif kind == "skipped":
            self._print("·", "dim", step, "not run", "what it needs is missing")

    def _is_news(self, step: str, figures: Mapping[str, Any]) -> bool:
        """Return whether a step that changed nothing has news: a version of this run was not deployed."""
        return "not deployed" in figures and NodeName("evaluation", NodeName.parse(step).subject) in self._changed

    def _print(self, mark: str, color: str, step: str, *parts: str) -> None:
        """Print a step: in columns on a terminal, parted by tabs elsewhere."""
        self._flush()
        if self._console.is_terminal:
            seconds, about = (*parts, "", "")[:2]
            text = f"{step:<{self._width}}  {seconds:>9}  {about}".rstrip()
        else:
            text = "\t".join([step, *filter(None, parts)])
        self._console.print(line(Text(f"{mark} ", color).append(text, "default"), indent=2, hang=4))

    def _flush(self) -> None:
        """Print the steps that were unchanged since the last line, in one line."""
        steps, self._unchanged = self._unchanged, []
        if steps:
            what = f"{steps[0]}: unchanged" if len(steps) == 1 else f"{len(steps)} steps: unchanged ({_named(steps)})"
            self._console.print(line(Text(f"✓ {what}", "dim"), indent=2, hang=4))

    def _now(self) -> Text:
        now = time.monotonic()
        parts = [f"  … {step} {elapsed_text(timedelta(seconds=now - at))}" for step, at in self._running.items()]
        return Text("\n".join(parts), style="dim")


def _named(steps: list[str]) -> str:
    return listed(steps, limit=_NAMED)


def _about(event: Mapping[str, Any]) -> str:
    """Return what a step made: each figure with what it counts."""
    figures, kind = event["figures"], event["step"].rpartition("/")[2]
    parts = []
    if "version" in figures and kind in ("trained_model", "deployment") and not event["reused"]:
        parts.append(f"{'trained' if kind == 'trained_model' else 'deployed'} {figures['version']}")
    rows = figures.get("dagster/row_count", figures.get("dagster/partition_row_count"))
    if rows is not None:
        parts.append(counted(rows, *_ROWS.get(kind, ("row", "rows"))))
    if "verdict" in figures and kind != "rollout":  # its reason has the verdict on money in words
        parts.append(_VERDICTS.get(figures["verdict"], str(figures["verdict"])))
    if "best_loss" in figures:
        parts.append(_searched(figures))
    parts += [str(figures[name]) for name in ("reason", "not deployed") if name in figures]
    return "; ".join(parts)


def _searched(figures: Mapping[str, Any]) -> str:
    """Return the best figure of a search for parameters, beside that of the declared ones; lower is better."""
    best, declared = figures["best_loss"], figures.get("declared_loss")
    name = "loss" if figures.get("score") in (None, "value") else figures["score"]
    if declared is None or best == declared:
        return f"{name} {figure_text(best)}: no trial is better than the declared parameters"
    return f"best {name} {figure_text(best)}, declared parameters {figure_text(declared)}"
