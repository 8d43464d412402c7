"""What is answered where a request cannot be: a status, a code that programs read, and a sentence for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ml_platform.core.errors import listed
from ml_platform.declarations.populations.population import Population


class RequestProblem(Exception):
    """A request that gets no prediction.

    Attributes
    ----------
    status
        The HTTP status: 4xx where the request has to change, 5xx where the service cannot answer now.
    code
        A word that stays the same, such as ``unknown_column``.
    retry_after
        After how many seconds the same request may succeed; None where it never will.
    """

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after

    @property
    def body(self) -> Mapping[str, Mapping[str, str]]:
        """What is sent."""
        return {"error": {"code": self.code, "message": self.message}}

    @classmethod
    def malformed(cls, message: str) -> RequestProblem:
        """Return the problem of a body that does not have the format of its media type."""
        return cls(400, "malformed_body", message)

    @classmethod
    def missing(cls, asked: Population, key: Sequence[str], columns: Sequence[str]) -> RequestProblem:
        """Return the problem of a row that lacks columns of its population, which are not published either."""
        names = [name.partition(".")[2] for name in columns]
        if keys := [name for name in names if name in key]:
            text = f"the request lacks {listed(keys)}. It is the key of the entity {asked.entity}: send it."
            return cls.row("missing_column", text)
        text = (
            f"the request lacks {listed(names)}, and the online store has no row of {asked.owner} for this "
            f"{asked.entity}. Send what the model needs beside the key."
        )
        return cls.row("missing_column", text)

    @classmethod
    def row(cls, code: str, message: str) -> RequestProblem:
        """Return the problem of a row whose columns are not those that the model needs."""
        return cls(422, code, message)
