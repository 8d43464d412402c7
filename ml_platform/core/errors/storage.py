"""Errors of what is stored and written: artifacts, rows, the ledger, pages."""

from __future__ import annotations

from collections.abc import Sequence

from ml_platform.core.errors.base import MAX_LISTED, PlatformError


class PageNotWritten(PlatformError):
    """A page cannot be written."""

    def __init__(self, file: object, problem: str) -> None:
        super().__init__(f"the page cannot be written to {file}: {problem}. Name another file with --html or --to.")


class StoreUnavailable(PlatformError):
    """The artifact store's address names no file system that is installed, or its server does not answer."""

    def __init__(self, url: str, problem: str) -> None:
        scheme = url.partition("://")[0]
        super().__init__(
            f"the artifact store {scheme}://... cannot be opened: {problem.rstrip('.')}. Install the package that "
            "reads it, start its server, or correct storage.artifacts in project.yaml."
        )


class ArtifactMissing(PlatformError):
    """No artifact has this id."""

    def __init__(self, kind: str, id: str, where: str) -> None:
        super().__init__(f"{kind} {id} is not in {where}. It was never finished, or has been removed.")


class ArtifactDamaged(PlatformError):
    """Stored bytes do not match the hash that their manifest recorded."""

    def __init__(self, what: str, expected: str, actual: str) -> None:
        super().__init__(
            f"{what} is damaged: expected sha256 {expected[:12]}, found {actual[:12]}. "
            "It is not used. Restore it from a copy, or materialize it again."
        )


class ManifestFault(ArtifactDamaged):
    """A manifest holds other facts than its kind has."""

    def __init__(self, kind: str, id: str, problem: str) -> None:
        PlatformError.__init__(
            self,
            f"manifest of {kind} {id[:12]} cannot be used: {problem}. Restore it from a copy, use the version of the "
            "platform that wrote it, or materialize it again.",
        )


class LedgerDamaged(PlatformError):
    """The ledger is not what was written, so nothing is based on it; `problem` describes the line `seq`."""

    def __init__(self, seq: int | None, problem: str) -> None:
        self.seq, self.problem = seq, problem
        where = "the ledger" if seq is None else f"line {seq} of the ledger"
        super().__init__(
            f"{where} is damaged: {problem}. Nothing is deployed or served by it. `ml-platform verify` lists all "
            "damage; restore the database from a copy."
        )

    @classmethod
    def of_ref(cls, name: str, value: str | None, last_value: str | None) -> LedgerDamaged:
        """Return the error of a ref whose value differs from its last line in the ledger."""
        recorded = (last_value or "nothing")[:12]
        return cls(None, f"ref {name} is {(value or 'unset')[:12]}, and its last line in the ledger has {recorded}")


class RowDamaged(PlatformError):
    """A row of the database is not what was written, so nothing is based on it."""

    def __init__(self, table: str, key: str, problem: str) -> None:
        self.table, self.key, self.problem = table, key, problem
        super().__init__(
            f"table {table}, row {key}: {problem}. It is not used. `ml-platform verify` lists all damage; restore the "
            "database from a copy."
        )


class StoreDamaged(PlatformError):
    """Verifying found something that is not as it was written; `damages` describes each."""

    def __init__(self, damages: Sequence[str], count: int) -> None:
        self.damages = tuple(damages)
        rest = f" And {count - MAX_LISTED} more." if count > MAX_LISTED else ""
        super().__init__(f"{' '.join(self.damages[:MAX_LISTED])}{rest} `ml-platform verify` lists all.")


class UntrustedContent(PlatformError):
    """A stored model holds something outside the platform's list of trusted types."""


class RefConflict(PlatformError):
    """A ref moved between reading and writing it."""

    def __init__(self, ref: str, expected: str | None, actual: str | None) -> None:
        self.expected, self.actual = expected, actual
        super().__init__(f"ref {ref} is {actual or 'unset'}, not {expected or 'unset'}: it moved meanwhile. Try again.")


class NotASite(PlatformError):
    """A folder holds something that `ml-platform site` has not written, so that it is not replaced."""

    def __init__(self, folder: object, problem: str) -> None:
        super().__init__(f"{folder} {problem}. Nothing was written or removed. Name a new or empty folder with --to.")


class SiteNotWritten(PlatformError):
    """The folder of the site cannot be written. An older site stays."""

    def __init__(self, folder: object, problem: str) -> None:
        super().__init__(
            f"the site cannot be written to {folder}: {problem}. Give the right to write, or name another "
            "folder with --to."
        )
