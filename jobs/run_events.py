"""The progress of a run, reported as it happens: Dagster's events as lines for people or for a machine."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

import dagster as dg

from ml_platform_dagster.assets.metadata import ungrouped
from ml_platform_dagster.jobs.failures import problem_of
from ml_platform_dagster.resources.dagster_private import RunFailureReason

EventSink = Callable[[Mapping[str, Any]], None]
_FIGURES = {
    "dagster/row_count": "dagster/row_count",
    "predictions": "dagster/partition_row_count",
    "new rows": "new_rows",
    "version": "version",
    "decision": "verdict",
    "verdict": "verdict",
    "gain over doing nothing": "gain_over_doing_nothing",
    "reason": "reason",
    "not deployed": "not deployed",
    "score": "score",
    "best loss": "best_loss",
    "declared loss": "declared_loss",
}
"""The figures of a line, which keep their names, by the keys that people read in the UI."""


@dataclass
class RunOutcome:
    """How a run went.

    Attributes
    ----------
    problems
        What went wrong, by step; by ``""`` where it was no step's fault.
    skipped
        The steps that were never begun, because what they need is missing.
    """

    run: str
    success: bool = False
    interrupted: bool = False
    problems: dict[str, str] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether anything went wrong."""
        return not self.success


@dataclass
class RunListener:
    """Receives a run's events, reports them, and keeps the outcome.

    Attributes
    ----------
    names
        The names of nodes by the names of Dagster's steps.
    """

    outcome: RunOutcome
    names: Mapping[str, str]
    report: EventSink
    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)

    def __call__(self, entry: dg.EventLogEntry) -> None:
        """Handle one event."""
        event = entry.dagster_event
        if event is None:
            return
        if event.is_job_failure:
            self._run_failed(event)
        if event.step_key is None:
            return
        step = self.names.get(event.step_key, event.step_key)
        if event.is_step_start:
            self.begun.add(step)
            self.report({"event": "start", "step": step})
        elif event.is_step_materialization:
            self.made[step] = _plain(event.step_materialization_data.materialization)
        elif event.is_asset_observation:  # a step without an output records why
            self.made.setdefault(step, _plain(event.asset_observation_data.asset_observation))
        elif event.is_step_success:
            self._done(step, event.step_success_data.duration_ms / 1000)
        elif event.is_step_failure:
            problem = problem_of(event.step_failure_data.error)
            self.outcome.problems[step] = problem
            self.report({"event": "failed", "step": step, "error": problem})

    def report_skipped(self, steps: Sequence[str]) -> None:
        """Report the steps that were never begun, because what they need is missing."""
        self.outcome.skipped = [step for step in steps if step not in self.begun]
        for step in self.outcome.skipped:
            self.report({"event": "skipped", "step": step})

    def _run_failed(self, event: dg.DagsterEvent) -> None:
        data = event.job_failure_data
        self.outcome.interrupted = data.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION
        if not self.outcome.problems and not self.outcome.interrupted:
            self.outcome.problems[""] = problem_of(data.error)

    def _done(self, step: str, seconds: float) -> None:
        made = self.made.get(step, {})
        figures = {name: made[key] for key, name in _FIGURES.items() if key in made}
        reused = str(made.get("computed", "")).startswith("no")
        line = {"event": "done", "step": step, "seconds": round(seconds, 2), "reused": reused}
        self.report({**line, "id": ungrouped(str(made["id"])) if "id" in made else None, "figures": figures})


def _plain(event: dg.AssetMaterialization | dg.AssetObservation) -> dict[str, Any]:
    values = {name: value.value for name, value in event.metadata.items()}
    return {name: value for name, value in values.items() if isinstance(value, str | int | float)}


def json_lines(stream: TextIO) -> EventSink:
    """Return what writes every event as a line of JSON, which the command line shows to people."""

    def write(line: Mapping[str, Any]) -> None:
        print(json.dumps(line), file=stream, flush=True)

    return write
