"""Which version of each model answers: the champion, loaded and tried out before it takes over.

A version that cannot be loaded leaves the one before it serving. After a start, where none is serving yet, the versions
that were champion before it are tried, the newest first.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from ml_platform.core.errors import PlatformError
from ml_platform.core.hashing import content_id
from ml_platform.operations.alerts import Alert, send_alert
from ml_platform.operations.rollout.ending import end_with_alert
from ml_platform.project import Project, open_project
from ml_platform.registry.champion import champion_ref
from ml_platform.registry.rollout import rollout_of, rollout_ref
from ml_platform.serving.candidate import Candidate
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
    candidate
        What is rolled out; None where nothing is.
    rollout
        What the ref of the rollout held when it was looked at last.
    problem
        Why the champion does not answer; "" where it does.
    """

    model: str
    wanted: str | None = None
    serving: ServedModel | None = None
    problem: str = ""
    candidate: Candidate | None = None
    rollout: str | None = None


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
    _changes: Callable[[], Hashable] | None = None
    _seen: Hashable = None

    @classmethod
    def begin(cls, project: Project) -> FollowedModels:
        """Return the models that declare that they are online, with their champions loaded."""
        names = [name for name, model in project.spec.models.items() if model.deployment.online is not None]
        followed = cls(project, project.clock.now(), {name: Followed(name) for name in names})
        followed._changes = project.database.changes()
        followed.look()
        return followed

    @property
    def now(self) -> datetime:
        """The project's time: a simulated clock is stored in the database, and is as it was at the last look."""
        return self.project.clock.now() if self.project.spec.file.clock == "wall" else self.seen_at

    def look(self) -> list[Followed]:
        """Follow the champions, and return the models whose version or problem changed.

        Raises
        ------
        PlatformError
            Where the database cannot be read; the versions that are loaded continue to serve.
        """
        before = self._changes() if self._changes is not None else None
        if before is not None and before == self._seen:
            return []  # nothing was written since, neither a ref nor a simulated clock
        changed = self._look()
        self._seen = before
        return changed

    def _look(self) -> list[Followed]:
        self.seen_at = self.project.clock.now()
        changed = []
        for followed in self.models.values():
            rollout = read_ref(self.project.database, rollout_ref(followed.model))
            wanted = read_ref(self.project.database, champion_ref(followed.model))
            if (wanted, rollout) == (followed.wanted, followed.rollout):
                continue
            if wanted != followed.wanted:
                self._follow(followed)
            self._follow_candidate(followed)
            followed.wanted, followed.rollout = wanted, rollout  # last: what failed to be read is looked at once more
            changed.append(followed)
        return changed

    def candidate(self, served: ServedModel) -> Candidate | None:
        """Return the candidate beside the version that answers for a model; None where nothing is rolled out."""
        return self.models[served.version.model].candidate

    def _follow(self, followed: Followed) -> None:
        problems = []
        for version in self._choices(followed):
            if followed.serving is not None and followed.serving.version.id == version.id:
                break
            if followed.candidate is not None and followed.candidate.served.version.id == version.id:
                followed.serving = followed.candidate.served
                break
            try:
                served = self._load(version)
            except Exception as error:  # whatever a library raises: the version before it serves on
                problems.append(f"{version} cannot be served: {_in_words(error)}")
                continue
            followed.serving = served
            break
        followed.problem = "; ".join(problems)
        if problems:
            self._alert(followed)

    def _load(self, version: Version) -> ServedModel:
        served = ServedModel(open_project(self.project.root), version)
        try_out(served)
        return served

    def _follow_candidate(self, followed: Followed) -> None:
        """Follow the rollout; a candidate that cannot be loaded ends it, and the champion serves on."""
        rollout, last = rollout_of(self.project, followed.model), followed.candidate
        if rollout is None:
            followed.candidate = None
            return
        try:
            known = last is not None and last.served.version.id == rollout.version.id
            served = last.served if last is not None and known else self._load(rollout.version)
        except Exception as error:
            followed.candidate = None
            why = f"it cannot be served: {_in_words(error)}"
            end_with_alert(self.project, rollout, why, "ml-platform serve", self.seen_at)
            return
        followed.candidate = Candidate(rollout, served)

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
        move = ref_history(self.project.database, champion_ref(followed.model))[-1].seq
        alert = Alert(
            key=f"serving.{followed.model}.{move}.{content_id(followed.problem)[:12]}",
            title=f"{followed.model}: the champion cannot be served",
            body=f"{followed.problem}. {serving.version if serving else 'No version'} answers requests.",
            severity="page",
            model=followed.model,
            next_step="Correct what the error names, or deploy a version that loads. The service tries again then.",
        )
        send_alert(self.project, alert, self.seen_at)


def _in_words(error: Exception) -> str:
    is_ours = isinstance(error, PlatformError | OSError | ValueError)
    return str(error) if is_ours else f"{type(error).__name__}: {error}"
