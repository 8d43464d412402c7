"""One step of a run: which artifacts its inputs are, and the record of what it made."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import dagster as dg

from ml_platform.core.errors import NotMaterialized
from ml_platform.declarations.fingerprint import deciding_of
from ml_platform.declarations.graph import Node
from ml_platform.declarations.node_name import NodeName
from ml_platform.project import Project
from ml_platform.sources.checks.results import require_healthy
from ml_platform.storage.durations import record_duration
from ml_platform.storage.last_declarations import record_declared, record_step
from ml_platform.storage.materialization import Materialized
from ml_platform.storage.outputs import current_output, record_output
from ml_platform_dagster.assets.metadata import Metadata, grouped
from ml_platform_dagster.assets.simulated import simulated_date

AssetEvents = Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]
"""What the body of an asset with checks yields."""


@dataclass(frozen=True)
class Step:
    """One node in one run.

    Attributes
    ----------
    now
        The project's time, read once for the step.
    began
        The reading of a monotonic clock when the step began, in seconds.
    """

    context: dg.AssetExecutionContext
    project: Project
    node: Node
    now: datetime
    began: float = field(default_factory=time.monotonic)

    @classmethod
    def begin(cls, context: dg.AssetExecutionContext, project: Project, node: Node) -> "Step":
        """Read the project's clock and refuse inputs that failed a check.

        Raises
        ------
        BrokenInput
        """
        record_step(project.database)
        require_healthy(project.database, node.name, node.inputs)
        return cls(context, project, node, project.clock.now())

    @property
    def run(self) -> str:
        """The id of the Dagster run."""
        return self.context.run.run_id

    @cached_property
    def inputs(self) -> dict[str, str]:
        """Ids of the inputs by node: what each made in this run, else what it made last.

        Raises
        ------
        NotMaterialized
        """
        return {name: self._input(name) for name in self.node.inputs}

    def input(self, kind: str) -> str:
        """Return the id of the same model's input of a kind, such as ``snapshot``."""
        return self.inputs[NodeName(kind, self.node.subject)]

    def _input(self, name: str) -> str:
        id = current_output(self.project.database, name, run=self.run)
        if id is None:
            raise NotMaterialized(self.node.name, name)
        return id

    def record(self, id: str, partition: str = "", at: datetime | None = None) -> None:
        """Record what this step made, for the steps after it, and by which declaration, for a plan to compare.

        Parameters
        ----------
        at
            Up to when it is made; by default the step's time.
        """
        at, node = at or self.now, self.node
        record_output(self.project.database, node.name, node.kind, id, run=self.run, at=at, partition=partition)
        part = deciding_of(self.project.spec, self.node.kind, self.node.subject)
        record_declared(self.project.database, self.node.name, part)

    def record_duration(self, *, reused: bool, rows: int | None = None) -> None:
        """Record how long the step has taken, and over how many rows, unless it made nothing."""
        if not reused:
            took = timedelta(seconds=time.monotonic() - self.began)
            record_duration(self.project.database, self.node.name, took, run=self.run, at=self.now, rows=rows)

    def result(
        self,
        made: Materialized,
        metadata: Metadata,
        checks: Iterable[dg.AssetCheckResult] = (),
        rows: int | None = None,
        *,
        recorded: bool = False,
    ) -> dg.MaterializeResult[None]:
        """Record what was made, and how long it took, and return it as Dagster wants it.

        Its data version is the artifact's id. The closing entries are added to the metadata.

        Parameters
        ----------
        recorded
            Whether the output is recorded already.
        """
        if not recorded:
            self.record(made.artifact.id)
        self.record_duration(reused=made.reused, rows=rows)
        return dg.MaterializeResult(
            metadata={**metadata, **closing(self.project, self.now, made.artifact.id, reused=made.reused)},
            data_version=dg.DataVersion(made.artifact.id),
            check_results=list(checks),
        )


def closing(project: Project, now: datetime, id: str, *, reused: bool) -> Metadata:
    """Return the last entries of a page: whether anything was computed, when by a simulated clock, and the id."""
    simulated = simulated_date(project, now)
    return {
        "computed": "no, unchanged" if reused else "yes",
        **({"simulated date": simulated} if simulated else {}),
        "id": grouped(id),
    }
