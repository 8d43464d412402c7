"""Which version of each model answers: the champion, loaded and tried out before it takes over.

A version that cannot be loaded leaves the one before it serving. After a start, where none is serving yet, the versions
that were champion before it are tried, the newest first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from ml_platform.core.errors import PlatformError
from ml_platform.operations.alerts import Alert, send_alert
from ml_platform.project import Project, open_project
from ml_platform.registry.champion import champion_ref
from ml_platform.serving.served_model import ServedModel
from ml_platform.serving.trial import try_out
from ml_platform.storage.refs import read_ref, ref_history
from ml_platform.storage.versions import Version, version_of


@dataclass
class Followed:
    """What one model serves.

    Attributes
    ----------
    wanted
        The id of the champion when it was looked at last.
    serving
        What answers; None before the first version.
    problem
        Why the champion does not answer; "" where it does.
    """

    model: str
    wanted: str | None = None
    serving: ServedModel | None = None
    problem: str = ""


@dataclass
class FollowedModels:
    """The models of a project that answer online. `look` runs in a thread; what it changes is one reference each.

    Attributes
    ----------
    seen_at
        The project's time when it was looked at last.
    """

    project: Project
    seen_at: datetime
    models: dict[str, Followed] = field(default_factory=dict)

    @classmethod
    def begin(cls, project: Project) -> FollowedModels:
        """Return the models that declare that they are online, with their champions loaded."""
        names = [name for name, model in project.spec.models.items() if model.deployment.online is not None]
        found = cls(project, project.clock.now(), {name: Followed(name) for name in names})
        found.look()
        return found

    @property
    def now(self) -> datetime:
        """The project's time: a simulated clock stands in the database, and is as it was at the last look."""
        return self.project.clock.now() if self.project.spec.file.clock == "wall" else self.seen_at

    def look(self) -> list[Followed]:
        """Follow the champions, and return the models whose version or problem changed.

        Raises
        ------
        PlatformError
            Where the database cannot be read; what serves goes on serving.
        """
        self.seen_at = self.project.clock.now()
        changed = []
        for followed in self.models.values():
            wanted = read_ref(self.project.database, champion_ref(followed.model))
            if wanted != followed.wanted:
                followed.wanted = wanted
                self._follow(followed)
                changed.append(followed)
        return changed

    def _follow(self, followed: Followed) -> None:
        problems = []
        for version in self._choices(followed):
            if followed.serving is not None and followed.serving.version.id == version.id:
                break
            try:
                served = ServedModel(open_project(self.project.root), version)
                try_out(served)
            except (PlatformError, OSError, ValueError) as error:
                problems.append(f"{version} cannot be served: {error}")
                continue
            followed.serving = served
            break
        followed.problem = "; ".join(problems)
        if problems:
            self._alert(followed)

    def _choices(self, followed: Followed) -> Iterator[Version]:
        """Yield the champion; where nothing serves, also those before it, the newest first."""
        lines = ref_history(self.project.database, champion_ref(followed.model))
        ids = dict.fromkeys(line.to_value for line in reversed(lines))
        for id in list(ids) if followed.serving is None else list(ids)[:1]:
            version = version_of(self.project, followed.model, str(id))
            if version is not None:
                yield version

    def _alert(self, followed: Followed) -> None:
        serving = followed.serving
        alert = Alert(
            key=f"serving.{followed.model}.{followed.wanted}",
            title=f"{followed.model}: the champion cannot be served",
            body=f"{followed.problem}. {serving.version if serving else 'No version'} answers requests.",
            severity="page",
            model=followed.model,
            next_step="Correct what the error names, or deploy a version that loads. The service tries again then.",
        )
        send_alert(self.project, alert, self.seen_at)
