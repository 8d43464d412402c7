"""What planning a node can look at: the project as it is now, and what is planned for the nodes before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing, listed
from ml_platform.declarations.fingerprint import deciding_of
from ml_platform.declarations.graph import Node
from ml_platform.operations.planning.declaration_diff import declared_change
from ml_platform.operations.planning.plan import CONSEQUENCE, Planned
from ml_platform.project import Project
from ml_platform.sources.change_detection import IngestPlan, look_at_source
from ml_platform.sources.checks.results import last_recording
from ml_platform.storage.durations import usual_duration
from ml_platform.storage.last_declarations import last_declared
from ml_platform.storage.manifest import Artifact
from ml_platform.storage.outputs import current_output

NEVER = "never run"


@dataclass
class View:
    """A project at an instant, with the nodes that are planned already."""

    project: Project
    now: datetime
    nodes: tuple[Node, ...]
    planned: dict[str, Planned] = field(default_factory=dict)
    _looks: dict[str, IngestPlan] = field(default_factory=dict)

    # What exists ------------------------------------------------------------

    def made(self, node: Node) -> Artifact | None:
        """Return the artifact that a node made last; None before the first, and where it is gone."""
        id = current_output(self.project.database, node.name)
        return None if id is None else self.stored(node.kind, id)

    def stored(self, kind: str, id: str) -> Artifact | None:
        """Return an artifact, or None where it is gone from the store or damaged."""
        try:
            return self.project.store.get(kind, id)
        except (ArtifactMissing, ArtifactDamaged):
            return None

    def look(self, source: str) -> IngestPlan:
        """Return whether a run would read a source.

        Raises
        ------
        SourceError
            Where its files are missing or cannot be reached.
        """
        if source not in self._looks:
            self._looks[source] = look_at_source(self.project, source, self.now)
        return self._looks[source]

    def log(self, source: str) -> Artifact | None:
        """Return the log that the next ingest of a source would extend; None where it would begin with an empty log."""
        look = self.look(source)
        goes_on = look.continues or look.waits_for_rows
        return self.stored("source", look.last.id) if look.last and goes_on else None

    def absence(self, node: Node) -> str:
        """Return why there is nothing that a node made."""
        gone = current_output(self.project.database, node.name) is not None
        return "its output is missing from the store" if gone else NEVER

    def changes(self, node: Node) -> list[str]:
        """Return what has changed in a node's declaration since it was made, as reasons."""
        before = last_declared(self.project.database, node.name)
        return declared_change(before, deciding_of(self.project.spec, node.kind, node.subject), node.kind)

    def input_ids(self, node: Node) -> dict[str, str] | None:
        """Return the ids that a run would find for a node's inputs; None where one of them is not known before."""
        ids = {name: self.planned[name].id for name in node.inputs}
        return None if None in ids.values() else {name: str(id) for name, id in ids.items()}

    def unsettled(self, names: Sequence[str]) -> list[str]:
        """Return why the outcome of some nodes is not known before the run."""
        doing = {name: self.planned[name].verdict for name in names if self.planned[name].id is None}
        would = [name for name, verdict in doing.items() if verdict == "would run"]
        may = [name for name, verdict in doing.items() if verdict == "may run"]
        verdicts = [(would, "would run"), (may, "may run")]
        text = " and ".join(
            f"{listed(names_of_verdict, limit=2)} {verdict}"
            for names_of_verdict, verdict in verdicts
            if names_of_verdict
        )
        return [f"{text}{CONSEQUENCE}"] if text else []

    # Verdicts ---------------------------------------------------------------

    def up_to_date(self, node: Node, id: str, *reasons: str) -> Planned:
        """Return that a node would find what it makes."""
        return Planned(node.name, node.kind, "up to date", id, reasons)

    def would_run(
        self, node: Node, reasons: Sequence[str], duration: timedelta | None = None, id: str | None = None
    ) -> Planned:
        """Return that a node would make something; the duration is its usual one where no other is given.

        Parameters
        ----------
        id
            What it ends with, where that is known: it only reports something.
        """
        known = usual_duration(self.project.database, node.name) if duration is None else duration
        return Planned(node.name, node.kind, "would run", id, tuple(reasons), known)

    def may_run(self, node: Node, reasons: Sequence[str]) -> Planned:
        """Return that only running what comes before a node shows whether it makes anything."""
        known = usual_duration(self.project.database, node.name)
        return Planned(node.name, node.kind, "may run", None, tuple(reasons), known)

    def blocked(self, node: Node, reason: str, id: str | None = None) -> Planned:
        """Return that a run would end before a node, or at it."""
        return Planned(node.name, node.kind, "blocked", id, (reason,))

    def blocked_before(self, node: Node) -> Planned | None:
        """Return that a node cannot run because of one of its inputs; None where none is in its way."""
        for name in node.inputs:
            before = self.planned[name]
            if before.verdict == "blocked" and before.id is None:
                return self.blocked(node, f"{name} is blocked")
            recording = last_recording(self.project.database, name)
            if before.verdict == "up to date" and recording is not None and recording.blocking:
                return self.blocked(node, f"{name} failed {listed(recording.blocking)}")
        return None
