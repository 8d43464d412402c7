"""Errors of declarations, expressions and the clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ml_platform.core.errors.base import Fault, PlatformError
from ml_platform.core.secrets import redact


class DeclarationError(PlatformError):
    """A project's declarations have faults; `faults` holds all of them, in file order."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(replace(fault, message=redact(fault.message)) for fault in faults))
        count = f"{len(self.faults)} fault{'s' if len(self.faults) != 1 else ''}"
        super().__init__(
            "\n".join([*(f"{fault} [{fault.code}]" for fault in self.faults), f"{count} in the declarations."])
        )


class RevisionError(PlatformError):
    """The declarations of a git revision cannot be read."""

    def __init__(self, revision: str, problem: str, remedy: str) -> None:
        self.revision, self.problem = revision, problem
        super().__init__(f"revision {revision!r}: {problem}. {remedy}.".replace("\n. ", "\n"))


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
