"""The tree of a parsed expression."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ExpressionNode:
    """One operation, or a leaf.

    Attributes
    ----------
    op
        ``name``, ``literal``, ``duration`` (leaves), an operator such as ``+``, or a function's name.
    column
        0-based offset in the expression's text.
    value
        A leaf's name, literal, or duration in microseconds.
    """

    op: str
    column: int
    value: str | int | float | bool | None = None
    children: tuple[ExpressionNode, ...] = ()

    def walk(self) -> Iterator[ExpressionNode]:
        """Yield this node and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()
