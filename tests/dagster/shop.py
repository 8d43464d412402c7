"""The shop with its Dagster instance, as tests handle it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from ml_platform.project import Project, open_project
from ml_platform.storage.simulated_clock import SimulatedClock
from ml_platform_dagster.jobs.build import build_definitions
from ml_platform_dagster.jobs.run import run_job
from ml_platform_dagster.jobs.run_events import RunOutcome


@dataclass
class Shop:
    """A project folder and its Dagster instance; declarations are read anew for every question."""

    root: Path
    instance: dg.DagsterInstance
    lines: list[dict[str, Any]] = field(default_factory=list)

    @property
    def project(self) -> Project:
        return open_project(self.root)

    @property
    def definitions(self) -> dg.Definitions:
        return build_definitions(self.project)

    def run(self, job: str) -> RunOutcome:
        """Run a job as the command line does; what it tells is in `told`."""
        self.lines = []
        return run_job(self.project, self.instance, job, lambda line: self.lines.append(dict(line)))

    def materialize(self, *names: str, tags: Mapping[str, str] | None = None) -> dg.ExecuteInProcessResult:
        """Materialize assets alone, as a click in the UI does."""
        keys = [dg.AssetKey(name.split("/")) for name in names]
        job = self.definitions.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=self.instance, asset_selection=keys, raise_on_error=False, tags=dict(tags or {})
        )

    def advance(self, **span: float) -> None:
        clock = self.project.clock
        assert isinstance(clock, SimulatedClock)
        clock.advance(timedelta(**span))

    def edit(self, file: str, old: str, new: str) -> None:
        """Change a declaration; the text to replace must be there."""
        path = self.root / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def latest(self, name: str) -> dg.AssetMaterialization:
        event = self.instance.get_latest_materialization_event(dg.AssetKey(name.split("/")))
        assert event is not None, f"{name} was never materialized"
        assert event.asset_materialization is not None
        return event.asset_materialization

    def metadata(self, name: str) -> dict[str, Any]:
        return {key: value.value for key, value in self.latest(name).metadata.items()}

    def done(self, event: str = "done") -> Sequence[str]:
        """The steps that the last run told to be done (or ``failed``, ``skipped``)."""
        return [line["step"] for line in self.lines if line["event"] == event]
