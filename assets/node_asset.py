"""What every asset has in common: key, inputs, group, owner, code version, and the line that declares it."""

import functools
import inspect
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import dagster as dg

from ml_platform.core.errors import BrokenInput, NotMaterialized, PlatformError
from ml_platform.core.secrets import scrubbed
from ml_platform.declarations.graph import Node
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_kinds import node_kind
from ml_platform.project import Project
from ml_platform.sources.checks.results import ChecksFailed
from ml_platform.storage.exclusive import exclusive
from ml_platform.storage.failures import forget_failure, record_failure


def asset_key(name: str) -> dg.AssetKey:
    """Return the asset key of a node: ``late_parcel/snapshot`` becomes two parts."""
    return dg.AssetKey(name.split("/"))


def lock_of(node: Node) -> str:
    """Return the name of the lock under which a node is computed, by one process at a time, whatever started it.

    The stages that make a model share one; every other node has its own.
    """
    if node_kind(node.kind).stage == "make":
        return f"make_{node.subject}"
    return node.name.replace("/", "_")


def declared_asset(
    project: Project, node: Node, *, kinds: Collection[str], page: str = "", **more: Any
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Return the decorator that makes a node's asset of a function.

    Parameters
    ----------
    kinds
        Labels in the Dagster UI, at most three.
    page
        Markdown for the end of the description. Dagster shows it above the columns of a table, and metadata below them.
    more
        Further arguments of `dagster.asset`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # backfill_policy
        decorator: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
            key=asset_key(node.name),
            deps=[asset_key(name) for name in node.inputs],
            group_name=node.group,
            kinds=set(kinds),
            owners=[node.owner],
            description="\n\n".join(filter(None, [node.description, page])),
            code_version=node.code_version,
            metadata={"dagster/code_references": _declared_at(project, node)},
            **more,
        )
    return lambda body: decorator(scrubbed(_one_at_a_time(project, node, body)))


def _one_at_a_time(project: Project, node: Node, body: Callable[..., Any]) -> Callable[..., Any]:
    """Let one process at a time run an asset's body, and record whether it fails.

    Dagster's pools are meant for that, but with SQLite two runs can take the same place, or wait for one that is free.
    """
    name = lock_of(node)

    @contextmanager
    def alone(context: dg.AssetExecutionContext) -> Iterator[None]:
        text = f"Waiting for another run that holds the lock {name}."
        with exclusive(project.database, project.state, name, lambda: context.log.info(text)), _recorded(project, node):
            yield

    if inspect.isgeneratorfunction(body):

        @functools.wraps(body)
        def steps(context: dg.AssetExecutionContext, *arguments: Any, **named: Any) -> Iterator[Any]:
            with alone(context):
                yield from body(context, *arguments, **named)

        return steps

    @functools.wraps(body)
    def step(context: dg.AssetExecutionContext, *arguments: Any, **named: Any) -> Any:
        with alone(context):
            return body(context, *arguments, **named)

    return step


@contextmanager
def _recorded(project: Project, node: Node) -> Iterator[None]:
    """Record a failure of a node, and forget it where the node succeeds.

    What an input or a check stops is recorded with them.
    """
    try:
        yield
    except (BrokenInput, NotMaterialized, ChecksFailed):
        raise
    except Exception as error:
        problem = str(error) if isinstance(error, PlatformError) else f"{type(error).__name__}: {error}"
        with suppress(PlatformError):  # where the database itself fails, the run's error is about it
            record_failure(project.database, node.name, problem, project.clock.now())
        raise
    forget_failure(project.database, node.name)


def _declared_at(project: Project, node: Node) -> dg.CodeReferencesMetadataValue:
    place = node.location
    reference = dg.LocalFileCodeReference(
        file_path=str(project.root / place.file), line_number=place.line, label=f"{place.file}:{place.line}"
    )
    return dg.CodeReferencesMetadataValue(code_references=[reference])


def model_of(project: Project, node: Node) -> ModelSpec:
    """Return the declaration of the model that a node belongs to."""
    return project.spec.models[node.subject]
