"""Verifying: everything that is stored is compared with its hash, its id, and the other records of it.

Of the store, artifacts in use are checked first, so that a damage is reported with the path on which it is needed; then
the rest, so that nothing is omitted. Files are read one by one, and only names are held in memory.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa

from ml_platform.audit.references.links import reach
from ml_platform.audit.references.roots import all_roots, removed_on_purpose
from ml_platform.audit.verify.artifact_ids import mismatches
from ml_platform.audit.verify.database_rows import row_damages
from ml_platform.audit.verify.findings import Damage, Verification, problem_of, remedy, state_of
from ml_platform.audit.verify.ledger_chain import chain_damages, pending_anchors
from ml_platform.audit.verify.row_chain import bound_row_damages, page_damages, row_log_damages
from ml_platform.core.errors import ArtifactDamaged, ArtifactMissing, LedgerDamaged, PlatformError, RowDamaged
from ml_platform.project import Project
from ml_platform.storage.artifacts import TEMPORARY
from ml_platform.storage.database_errors import DatabaseUnavailable
from ml_platform.storage.ledger.anchors import Anchor
from ml_platform.storage.ledger.lines import ledger_head
from ml_platform.storage.manifest import Artifact, StoredObject
from ml_platform.storage.removals import unfinished_removals
from ml_platform.storage.store_paths import is_store_path

Report = Callable[[str, int], object]
"""Called with what is being checked, and how many of it have been checked."""

_NEXT_RUN = "The next run that scores, ingests or deploys writes the anchors"
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, IndexError, pa.ArrowException, OSError)


def verify_project(
    project: Project, elsewhere: Iterable[Anchor] = (), report: Report = lambda what, count: None
) -> Verification:
    """Check a project's store and database, and return what is damaged, missing or surplus.

    Parameters
    ----------
    elsewhere
        Anchors of the ledger beside those in the store.
    report
        Called as things are checked.
    """
    verifier = _Verifier(project, report)
    steps = {
        "the database's pages": verifier.pages,
        "the ledger": lambda: verifier.ledger(elsewhere),
        "the row log": verifier.row_log,
        "what is in use": verifier.reached,
        "other manifests": verifier.other_manifests,
        "other objects": verifier.other_objects,
        "keys": verifier.keys,
        "rows of the database": verifier.rows,
    }
    with project.database.any_text():
        if not verifier.reads_database():
            steps = {"manifests": verifier.other_manifests, "other objects": verifier.other_objects}
        for what, step in steps.items():
            try:
                step()
            except PermissionError:  # raised to the caller: what this user may not read may be whole
                raise
            except Exception as error:  # reading a damaged row may raise any error, and the rest is checked, too
                verifier.cannot_check(what, error)
    return verifier.verification


class _Verifier:
    def __init__(self, project: Project, report: Report) -> None:
        self._project, self._report = project, report
        self._store = project.store.read_only()
        self.verification = Verification()
        self._manifests: set[tuple[str, str]] = set()
        self._objects: set[bytes] = set()
        self._damaged: set[bytes] = set()
        self._aside = {file.path for file, _ in project.store.removal.aside()}
        self._removed: set[tuple[str, str]] = set()
        self._being_removed: set[str] = set()
        self._unknown: set[str] = set()

    def add(self, damage: Damage) -> None:
        """Record a damage."""
        self.verification.add(damage)

    def reads_database(self) -> bool:
        """Return whether the database can be read; where it cannot, the store is checked without it."""
        try:
            with self._project.database.reading():
                return True
        except DatabaseUnavailable as error:
            self._database_damage(f"it cannot be read ({error.problem})", error.remedy)
            self._store.index, self._store.successor = None, lambda kind, id: None
            return False

    def cannot_check(self, what: str, error: Exception) -> None:
        """Record that a step of verifying could not be completed."""
        reason = error.problem if isinstance(error, DatabaseUnavailable) else problem_of(error)
        problem = f"{what} cannot be checked completely ({type(error).__name__}: {reason})"
        self._database_damage(problem, "Restore it from a copy.")

    def _database_damage(self, problem: str, remedy: str) -> None:
        url = self._project.database.engine.url
        where = str(url.database) if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
        self.add(Damage("damaged", "database", where, "refs, the ledger, the row log and indexes", problem, remedy))

    def _count(self, what: str) -> None:
        self.verification.checked[what] += 1
        self._report(what, self.verification.checked[what])

    # What is decided --------------------------------------------------------

    def pages(self) -> None:
        """Check the pages of the database's file."""
        for damage in page_damages(self._project):
            self.add(damage)

    def ledger(self, elsewhere: Iterable[Anchor]) -> None:
        """Check the ledger against itself, its anchors and the refs."""
        head = ledger_head(self._project.database)
        self.verification.checked["ledger lines"] = head.seq if head else 0
        pending = pending_anchors(self._project)
        if pending:
            self._unfinished(f"{len(pending)} of the last ledger lines have no anchor in the store yet", _NEXT_RUN)
        for damage in chain_damages(self._project, elsewhere):
            self.add(damage)
        try:
            self._removed = set(removed_on_purpose(self._project.database))
        except LedgerDamaged:  # named already
            self._removed = set()

    def row_log(self) -> None:
        """Check the row log, and what is being removed."""
        for damage in row_log_damages(self._project):
            self.add(damage)
        self._being_removed = set(unfinished_removals(self._project.database))
        if self._being_removed:
            self._unfinished(f"the removal of {len(self._being_removed)} files", "ml-platform gc finishes it")

    def _unfinished(self, what: str, remedy: str) -> None:
        self.verification.unfinished.append(f"{what}: a process was interrupted. {remedy}.")

    # What is stored ---------------------------------------------------------

    def reached(self) -> None:
        """Check what may be asked for, with the path on which it is."""
        try:
            for item in reach(self._store, all_roots(self._project.database)):
                self._manifests.add((item.kind, item.id))
                self._check(item.kind, item.id, item.artifact, item.problem, str(item))
        except LedgerDamaged:
            return  # then the ledger is no guide, and the rest of the store is checked without paths

    def other_manifests(self) -> None:
        """Check the rest of the manifests: those in the store, and those that were written once."""
        self._unknown = set(self._store.unknown())
        for kind, id in self._names():
            if (kind, id) not in self._manifests:
                self._manifests.add((kind, id))
                artifact, problem = None, None
                try:
                    artifact = self._store.get(kind, id)
                except PlatformError as error:
                    problem = error
                self._check(kind, id, artifact, problem, f"{kind} {id[:12]}, unused")

    def _names(self) -> Iterator[tuple[str, str]]:
        for path in self._store.files("manifests"):
            if not is_store_path(path):
                self._surplus(path)
            elif path in self._unknown:
                self.verification.unknown.append(path)
            else:
                yield path.split("/")[1], path.rpartition("/")[2].removesuffix(".json")
        if self._store.index is not None:
            yield from self._store.index.manifests()

    def _check(self, kind: str, id: str, artifact: Artifact | None, problem: PlatformError | None, was: str) -> None:
        where = f"manifests/{kind}/{id}.json"
        on_purpose = (kind, id) in self._removed or where in self._aside | self._being_removed
        if isinstance(problem, ArtifactMissing) and on_purpose:
            return
        self._count("manifests")
        if artifact is None:
            self.add(Damage(state_of(problem), "manifest", where, was, problem_of(problem), remedy(kind)))
            return
        for name, stored in artifact.objects.items():
            self._check_object(artifact, stored, name, was)
        if not self._damaged.intersection(_digest(item.sha256) for item in artifact.objects.values()):
            self._check_content(artifact, where, was)

    def _check_object(self, artifact: Artifact, stored: StoredObject, name: str, was: str) -> None:
        digest = _digest(stored.sha256)
        if digest in self._objects:
            return
        self._objects.add(digest)
        self._count("objects")
        where, of = f"objects/{stored.sha256[:2]}/{stored.sha256}", f"{name} of {was}"
        try:
            content = self._project.store.read(stored)
        except (ArtifactMissing, ArtifactDamaged) as error:
            self._damaged.add(digest)
            self.add(Damage(state_of(error), "object", where, of, problem_of(error), remedy(artifact.kind)))
            return
        if len(content) != stored.size:
            problem = f"the object has {len(content):,} bytes, and the manifest has {stored.size:,}"
            self.add(Damage("damaged", "manifest", where, of, problem, remedy(artifact.kind)))

    def _check_content(self, artifact: Artifact, where: str, was: str) -> None:
        try:
            wrong = mismatches(self._project, artifact)
            problems = [f"{item.what} is {item.actual[:12]}, not {item.expected[:12]}" for item in wrong]
        except PlatformError as error:
            problems = [problem_of(error)]
        except _UNREADABLE as error:
            problems = [f"it is not readable as a {artifact.kind} ({type(error).__name__}: {error})"]
        if problems:
            self.add(Damage("damaged", "content", where, was, "; ".join(problems[:5]), remedy(artifact.kind)))

    def other_objects(self) -> None:
        """Check the objects that no manifest names, and count what killed processes left."""
        self.verification.leftovers = sum(1 for _ in self._store.files(TEMPORARY))
        for path in self._store.files("objects"):
            name = path.rpartition("/")[2]
            if not _is_hash(name) or path != f"objects/{name[:2]}/{name}":
                self._surplus(path)
            elif _digest(name) not in self._objects:
                self._count("objects")
                self._check_unused(StoredObject(name, 0), path)

    def _check_unused(self, stored: StoredObject, path: str) -> None:
        try:
            self._store.read(stored)
            self.verification.unused += 1
        except (ArtifactMissing, ArtifactDamaged) as error:
            was = "an object that no artifact uses"
            self.add(Damage("damaged", "object", path, was, problem_of(error), "Nothing needs it: remove it."))

    def _surplus(self, path: str) -> None:
        was = "nothing: the platform does not write such a file"
        self.add(Damage("surplus", "file", path, was, "an unknown file in the store", "Nothing reads it: remove it."))

    def keys(self) -> None:
        """Check that each key leads to an artifact, to the one that it led to when it was written."""
        known = set(self._store.index.keys()) if self._store.index else set()
        for path in self._store.files("keys"):
            kind, key = path.split("/")[1], path.rpartition("/")[2]
            known.discard((kind, key))
            if not is_store_path(path) or not _is_hash(key):
                self._surplus(path)
            elif path in self._unknown:
                self.verification.unknown.append(path)
            else:
                self._check_key(kind, key)
        for kind, key in sorted(known):
            self._check_key(kind, key)

    def _check_key(self, kind: str, key: str) -> None:
        self._count("keys")
        path, was = f"keys/{kind}/{key}", f"the cache key of a {kind}"
        content = self._store.read_file(path)
        if content is None and path in self._aside | self._being_removed:
            return
        try:
            remembered = self._store.index.key(kind, key) if self._store.index else None
        except RowDamaged as error:
            self.add(Damage("damaged", "key", path, was, problem_of(error), "Restore the database from a copy."))
            return
        if content is None:
            remedy = "Nothing is lost: it is written again when it is needed."
            self.add(Damage("missing", "key", path, was, "it is not in the store", remedy))
            return
        id = content.decode(errors="replace")
        if self._store.index is not None and remembered != id:
            problem = f"it leads to {id[:12]}, not to {str(remembered)[:12]}"
        elif (kind, id) not in self._manifests | self._removed:
            problem = f"it leads to {id[:12]}, which is not in the store"
        else:
            return
        self.add(Damage("damaged", "key", path, was, problem, "Remove it: it is written again when it is needed."))

    def rows(self) -> None:
        """Check each row of the database against the row log and against the store."""
        for damage in itertools.chain(bound_row_damages(self._project), row_damages(self._project)):
            self._count("rows")
            if damage is not None:
                self.add(damage)


def _is_hash(name: str) -> bool:
    return len(name) == 64 and set(name) <= set("0123456789abcdef")


def _digest(sha256: str) -> bytes:
    return bytes.fromhex(sha256) if _is_hash(sha256) else sha256.encode()
