"""Commands about declarations: validate, schema, graph."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from rich.tree import Tree

from ml_platform.cli.exit import fault_of
from ml_platform.cli.json_output import print_json
from ml_platform.core.errors import DeclarationError
from ml_platform.core.formatting import counted
from ml_platform.core.private_files import shared_as_wanted
from ml_platform.core.terminal_text import SafeConsole, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ml_platform.declarations.data_age import Availability
    from ml_platform.declarations.project import ProjectSpec


def validate_project(directory: Path, as_json: bool) -> int:
    """Check the declarations; print what they hold, or every fault; return the exit code."""
    from ml_platform.declarations.checks.notes import notes_of
    from ml_platform.declarations.data_age import availability_of
    from ml_platform.declarations.load.load import load_project

    try:
        spec = load_project(directory)
        notes = [*notes_of(spec), *_try_classes(spec)]
    except DeclarationError as error:
        if as_json:
            print_json({"valid": False, "faults": [vars(fault) for fault in error.faults]})
        else:
            print(fault_of(error), file=sys.stderr)
        return 1
    counts = {"sources": len(spec.sources), "feature_tables": len(spec.feature_tables), "models": len(spec.models)}
    if as_json:
        ages = {name: availability_of(spec, name) for name in spec.feature_tables}
        stated = {name: {"age": age.sentence, "worst_age_seconds": _seconds(age)} for name, age in ages.items()}
        print_json({"valid": True, "project": spec.name, **counts, "faults": [], "notes": notes, "ages": stated})
    else:
        summary = ", ".join(counted(count, name.replace("_", " ").removesuffix("s")) for name, count in counts.items())
        print(f"{spec.name} is valid: {summary}.")
        for note in notes:
            print(f"note: {note}")
    return 0


def _try_classes(spec: ProjectSpec) -> Sequence[str]:
    """Fit the project's own estimator classes on made-up rows; libraries of estimators are imported for them only."""
    from ml_platform.declarations.algorithms import is_project_class

    if not any(
        is_project_class(item.name) for model in spec.models.values() for item in (model.algorithm, *model.baselines)
    ):
        return ()
    from ml_platform.models.trial import try_project_classes

    return try_project_classes(spec)


def _seconds(age: Availability) -> float | None:
    return None if age.worst_age is None else age.worst_age.total_seconds()


def give_schemas(directory: Path | None) -> None:
    """Print the JSON schemas, or write ``KIND.json`` files into a folder."""
    from ml_platform.declarations.load.schema import json_schemas

    schemas = json_schemas()
    if directory is None:
        print(json.dumps(schemas, indent=2))
        return
    with shared_as_wanted():
        directory.mkdir(parents=True, exist_ok=True)
        for name, schema in schemas.items():
            (directory / f"{name}.json").write_text(json.dumps(schema, indent=2) + "\n")
            print(directory / f"{name}.json")


def show_graph(directory: Path, as_json: bool) -> None:
    """Print the nodes that the declarations make, each below its group with its inputs."""
    from ml_platform.declarations.graph import build_graph
    from ml_platform.declarations.load.load import load_project

    spec = load_project(directory)
    nodes = build_graph(spec)
    if as_json:
        rows = [
            {"name": node.name, "kind": node.kind, "inputs": list(node.inputs), "owner": node.owner}
            | {"declared_at": f"{node.location.file}:{node.location.line}", "code_version": node.code_version}
            for node in nodes
        ]
        print_json({"nodes": rows})
        return
    tree = Tree(styled("[bold]{}[/]", spec.name))
    groups: dict[str, Tree] = {}
    for node in nodes:
        if node.group not in groups:
            groups[node.group] = tree.add(styled("[bold]{}[/]", node.group))
        inputs = f" <- {', '.join(node.inputs)}" if node.inputs else ""
        groups[node.group].add(styled("{}[dim]{}[/]", node.name, inputs))
    SafeConsole().print(tree)
