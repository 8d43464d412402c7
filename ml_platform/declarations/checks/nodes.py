"""Checks of the nodes that a model adds by kinds of installed packages."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from ml_platform.core.errors import FaultKind, suggest
from ml_platform.declarations.checks.problems import Problem
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_kinds import ModelNode, node_kinds


def check_nodes(model: ModelSpec) -> Iterator[Problem]:
    """Yield what is wrong with ``nodes``: kinds that no installed package adds, and options that a kind has not."""
    where = f"models/{model.name}"
    for name, options in (model.nodes or {}).items():
        kind = node_kinds().get(name)
        if kind is None or not issubclass(kind, ModelNode) or kind.Options is None:
            known = [item.name for item in node_kinds().values() if issubclass(item, ModelNode) and item.Options]
            remedy = suggest(name, known) if known else "Install the package that adds it, or remove it."
            yield Problem(
                where,
                ("nodes", name),
                f"no installed package adds nodes of kind {name}. {remedy}",
                kind=FaultKind.UNKNOWN_NAME,
            )
            continue
        try:
            read = kind.Options.model_validate(options)
        except ValidationError as error:
            for fault in error.errors():
                text = f"{fault['msg'][0].lower()}{fault['msg'][1:]}. Correct the options of {name}"
                yield Problem(where, ("nodes", name, *fault["loc"]), text, kind=FaultKind.VALUE)
            continue
        for option, text in kind.problems(model, read):
            yield Problem(where, ("nodes", name, option), text, kind=FaultKind.VALUE)
