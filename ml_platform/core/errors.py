"""Every exception that a user of the platform can meet.

A message says what is wrong, where, what was found and what to do. The wording
lives here, in the constructors, so that callers raise facts and never prose.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ml_platform.core.secrets import redact

_MAX_LISTED = 5
_MAX_COMPARED = 200


def listed(values: Iterable[object], limit: int = _MAX_LISTED) -> str:
    """Return `values` as a bounded, comma-separated list: ``a, b and 7 more``."""
    items = [str(value) for value in values]
    if len(items) <= limit:
        return ", ".join(items)
    return f"{', '.join(items[:limit])} and {len(items) - limit} more"


def suggest(name: str, known: Iterable[str]) -> str:
    """Return a hint naming the closest of `known`, or the known names themselves.

    >>> suggest("carier", ["carrier", "origin"])
    'Did you mean carrier?'
    """
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6) if len(name) <= _MAX_COMPARED else []
    if close:
        return f"Did you mean {close[0]}?"
    return f"Known: {listed(names)}." if names else "None is declared."


class PlatformError(Exception):
    """The root of every error that the platform raises on purpose. No secret of the process stands in its text."""

    def __init__(self, *parts: object) -> None:
        super().__init__(*(redact(part) if isinstance(part, str) else part for part in parts))


@dataclass(frozen=True, order=True)
class Fault:
    """One fault in a declaration, with the place where it stands."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


class DeclarationError(PlatformError):
    """A project's declarations have faults; `faults` holds all of them, in file order."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(replace(fault, message=redact(fault.message)) for fault in faults))
        count = f"{len(self.faults)} fault{'s' if len(self.faults) != 1 else ''}"
        super().__init__("\n".join([*map(str, self.faults), f"{count} in the declarations."]))


class DeclarationCycle(PlatformError):
    """Declarations need each other in a circle; `path` begins and ends with the same name."""

    def __init__(self, path: Sequence[str]) -> None:
        self.path = tuple(path)
        super().__init__(
            f"{' -> '.join(path)} is a cycle: none of these can be made before the others. Remove one reference."
        )


class ExpressionError(PlatformError):
    """An expression cannot be read; `column` is the 0-based offset inside its text."""

    def __init__(self, text: str, column: int, problem: str) -> None:
        self.text, self.column, self.problem = text, column, problem
        super().__init__(f"character {column + 1} of {text!r}: {problem}")


class ClockError(PlatformError):
    """The project's clock cannot do what was asked."""


class SourceError(PlatformError):
    """Rows of a source cannot be ingested. Nothing was written; what was there stays.

    Where a declared column is not met, `column` names it, and `declared_at` adds the place of its declaration.
    """

    def __init__(self, source: str, where: str, problem: str, remedy: str, *, column: str | None = None) -> None:
        self.source, self.column = source, column
        self._parts = (where, problem, remedy)
        super().__init__(f"source {source}: {where}: {problem}. {remedy}")

    def declared_at(self, place: str) -> SourceError:
        """Return the same error with the file and line where the column is declared."""
        where, problem, remedy = self._parts
        return type(self)(self.source, where, f"{problem} (declared in {place})", remedy, column=self.column)


class MissingFile(SourceError):
    """A file that a source reads from does not exist."""


class SchemaChanged(SourceError):
    """A source's columns or types differ from its declaration."""


class DuplicateKey(SourceError):
    """Two rows of one read have the same key and the same known-at timestamp."""


class NaiveTimestamp(SourceError):
    """A timestamp has no time zone and its declaration names none."""


class EmptySource(SourceError):
    """A source has no row at all where rows are needed."""


class BrokenInput(PlatformError):
    """An input failed a blocking check, so what depends on it does not run."""

    def __init__(self, node: str, upstream: str, checks: Sequence[str]) -> None:
        self.node, self.upstream, self.checks = node, upstream, tuple(checks)
        super().__init__(
            f"{node}: input {upstream} failed {listed(checks)}. Nothing was computed from it, and what was "
            f"deployed stays. Repair the data and materialise {upstream} again."
        )


class NotMaterialised(PlatformError):
    """An input does not exist yet."""

    def __init__(self, node: str, upstream: str) -> None:
        super().__init__(f"{node}: input {upstream} does not exist yet. Materialise {upstream} first.")


class EngineUnavailable(PlatformError):
    """The engine that the project declares cannot be started or reached. Nothing was computed."""

    def __init__(self, engine: str, problem: str, remedy: str) -> None:
        super().__init__(f"engine {engine.partition(';')[0]}: {problem}. {remedy}.")


class ValueTooLarge(PlatformError):
    """A number does not fit into the type that the engine computes it in."""


class MemoryExhausted(PlatformError):
    """The engine needs more memory than it may take, also with what it can spill."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"the engine has too little memory: {problem}. Nothing was changed. Raise memory in project.yaml, lower "
            "threads (each takes its share), or free space in the folder for temporary files."
        )


class FeatureError(PlatformError):
    """A feature table cannot be computed from its source."""


def too_large(table: str, error: ValueTooLarge) -> FeatureError:
    """Return the error of a feature table one of whose values is too large."""
    return FeatureError(
        f"feature table {table}: a value is too large for exact sums: {error}. Sum in a larger unit, or leave such "
        "rows out with where."
    )


class FrameError(PlatformError):
    """A model's frame cannot be made from its inputs."""


class SnapshotError(PlatformError):
    """A training frame cannot be made from the rows at hand."""


class UnknownSnapshot(PlatformError):
    """No snapshot, or more than one, goes by a name."""

    def __init__(self, name: str, found: str, known: Iterable[object] = ()) -> None:
        names = listed(known)
        super().__init__(
            f"snapshot {name!r}: {found}{f' (known: {names})' if names else ''}. Give the beginning of an id, "
            "MODEL@latest, or MODEL@3 for the one that version 3 was trained on; ml-platform snapshots lists them."
        )


class LeakFound(PlatformError):
    """A snapshot knows what nobody could have known, so nothing is trained on it; `problems` names each leak."""

    def __init__(self, model: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            f"{model}: {'; '.join(problems)}. What is trained on this fails in production, so nothing is. Leave it "
            f"out, or correct when it is known. What is known by right is named in leaks.allow of models/{model}.yaml."
        )


class TrainingError(PlatformError):
    """A model cannot be fitted on its snapshot."""


class DirtyTree(PlatformError):
    """Files that take part in a training are not committed, and the project refuses that."""

    def __init__(self, commit: str, changed: Sequence[str]) -> None:
        self.changed = tuple(changed)
        super().__init__(
            f"{listed(changed)} {'differs' if len(changed) == 1 else 'differ'} from commit {commit[:12]}, and "
            "audit.dirty_tree in project.yaml says refuse. Nothing was trained. Commit, or write dirty_tree: mark."
        )


class NoSuchVersion(PlatformError):
    """A model has no version of this name."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(f"{text}: {problem}")


class NotReproducible(PlatformError):
    """What is needed to train a version again is not in the store."""

    def __init__(self, version: str, problem: str, remedy: str) -> None:
        super().__init__(f"{version} cannot be reproduced: {problem}. {remedy}")


class ReproductionDiffers(PlatformError):
    """A version that was trained again has another fitted state."""

    def __init__(self, version: str, statement: str) -> None:
        super().__init__(f"{version} was trained again and is not the same: {statement}")


class EvaluationError(PlatformError):
    """A trained model cannot be judged on the rows at hand."""


class PredictionError(PlatformError):
    """Rows do not fit the predictor: columns missing, or of another type."""


class NoSuchPrediction(PlatformError):
    """No logged prediction has this id; `problem` says what was found in its place."""

    def __init__(self, id: str, problem: str) -> None:
        self.id, self.problem = id, problem
        super().__init__(f"prediction {id!r}: {problem}.".replace("?.", "?"))


class WrongWhatIf(PlatformError):
    """A what-if value does not fit the prediction's inputs. Nothing was scored."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"--what-if {name}: {problem}".replace("?.", "?"))


class PageNotWritten(PlatformError):
    """The page about a prediction cannot be written."""

    def __init__(self, file: object, problem: str) -> None:
        super().__init__(f"the page cannot be written to {file}: {problem}. Name another file with --html.")


class StoreUnavailable(PlatformError):
    """The artifact store's address names no file system that is installed, or its server does not answer."""

    def __init__(self, url: str, problem: str) -> None:
        scheme = url.partition("://")[0]
        super().__init__(
            f"the artifact store {scheme}://... cannot be opened: {problem.rstrip('.')}. Install the package that "
            "reads it, start its server, or correct storage.artifacts in project.yaml."
        )


class ArtifactMissing(PlatformError):
    """No artefact has this id."""

    def __init__(self, kind: str, id: str, where: str) -> None:
        super().__init__(f"{kind} {id} is not in {where}. It was never finished, or has been removed.")


class ArtifactDamaged(PlatformError):
    """Stored bytes do not match the hash that their manifest recorded."""

    def __init__(self, what: str, expected: str, found: str) -> None:
        super().__init__(
            f"{what} is damaged: expected sha256 {expected[:12]}, found {found[:12]}. "
            "It is not used. Restore it from a copy, or materialise it again."
        )


class LedgerDamaged(PlatformError):
    """The ledger is not what was written, so nothing rests on it; `problem` tells of the line `seq`."""

    def __init__(self, seq: int | None, problem: str) -> None:
        self.seq, self.problem = seq, problem
        where = "the ledger" if seq is None else f"line {seq} of the ledger"
        super().__init__(
            f"{where} is damaged: {problem}. Nothing is deployed or served by it. `ml-platform verify` tells of all "
            "that is damaged; restore the database from a copy."
        )

    @classmethod
    def of_ref(cls, name: str, found: str | None, told: str | None) -> LedgerDamaged:
        """Return the error of a ref that points elsewhere than the ledger says."""
        said = (told or "nothing")[:12]
        return cls(None, f"ref {name} is {(found or 'unset')[:12]}, and its last line in the ledger says {said}")


class RowDamaged(PlatformError):
    """A row of the database is not what was written, so nothing rests on it."""

    def __init__(self, table: str, key: str, problem: str) -> None:
        self.table, self.key, self.problem = table, key, problem
        super().__init__(
            f"table {table}, row {key}: {problem}. It is not used. `ml-platform verify` lists all damage; restore the "
            "database from a copy."
        )


class StoreDamaged(PlatformError):
    """Verifying found something that is not as it was written; `damages` tells of each."""

    def __init__(self, damages: Sequence[str], count: int) -> None:
        self.damages = tuple(damages)
        rest = f" And {count - _MAX_LISTED} more." if count > _MAX_LISTED else ""
        super().__init__(f"{' '.join(self.damages[:_MAX_LISTED])}{rest} `ml-platform verify` tells of all.")


class UntrustedContent(PlatformError):
    """A stored model holds something outside the platform's list of trusted types."""


class RefConflict(PlatformError):
    """A ref moved between reading and writing it."""

    def __init__(self, ref: str, expected: str | None, found: str | None) -> None:
        self.expected, self.found = expected, found
        super().__init__(f"ref {ref} is {found or 'unset'}, not {expected or 'unset'}: it moved meanwhile. Try again.")


class NotACatalogue(PlatformError):
    """A folder holds something that the catalogue has not written, so that it is not replaced."""

    def __init__(self, folder: object, found: str) -> None:
        super().__init__(f"{folder} {found}. Nothing was written or removed. Name a new or empty folder with --to.")


class CatalogueNotWritten(PlatformError):
    """The catalogue's folder cannot be written. What stood there stays."""

    def __init__(self, folder: object, problem: str) -> None:
        super().__init__(
            f"the catalogue cannot be written to {folder}: {problem}. Give the right to write, or name another "
            "folder with --to."
        )


class ReleaseRefused(PlatformError):
    """A trained model did not meet its gates or its release rule; `reasons` names each figure and its limit."""

    def __init__(self, model: str, version: str, reasons: Sequence[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__(f"{model}@{version} is not deployed: {'; '.join(reasons)}. The champion stays.")


class StaleEvaluation(PlatformError):
    """An evaluation does not judge what is to be deployed now. The champion stays."""

    def __init__(self, version: object, problem: str) -> None:
        model = str(version).partition("@")[0]
        super().__init__(
            f"{version} is not deployed: {problem}. The champion stays. Evaluate again: ml-platform run, or "
            f"materialize {model}/evaluation in Dagster."
        )


class ApprovalNeeded(ReleaseRefused):
    """A version met everything else, and nobody approved it; `rejected_by` names who rejected it."""

    def __init__(self, model: str, version: str, rejected_by: str | None = None, reason: str = "") -> None:
        self.rejected_by = rejected_by
        name = f"{model}@{version}"
        waits = f'it waits for approval: ml-platform approve {name} --reason "..."'
        super().__init__(model, version, [f"{rejected_by} rejected it: {reason}" if rejected_by else waits])


class ApprovalNotAsked(PlatformError):
    """A model's versions are deployed without approval."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"{model} asks for no approval, so there is nothing to approve. To ask for one, declare "
            f"deployment: {{approval: required}} in models/{model}.yaml."
        )


class ApprovalWithoutReason(PlatformError):
    """Somebody approves or rejects without saying who they are, or why."""

    def __init__(self, version: str) -> None:
        super().__init__(f"{version}: an approval names an actor and a reason. Nothing was recorded. Give --reason.")
