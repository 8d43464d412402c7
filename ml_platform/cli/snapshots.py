"""Commands about snapshots: the list of them, one in full, and what differs between two."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_platform.cli.json_output import print_json
from ml_platform.core.formatting import bytes_text, instant_text, spaced_percents
from ml_platform.core.hashing import canonical_json
from ml_platform.core.terminal_table import PlainTable, fact_table
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.project import open_project

if TYPE_CHECKING:
    from ml_platform.datasets.snapshot.diff import Moved, SnapshotDiff
    from ml_platform.datasets.snapshot.lineage import SnapshotInput
    from ml_platform.storage.artifact_kinds.snapshot import PeriodLabel

_SHOWN = 10


def show_list(model: str | None, directory: Path, as_json: bool) -> None:
    """Print a line for each snapshot."""
    from ml_platform.datasets.snapshot.find import list_snapshots

    project = open_project(directory)
    if model is not None:
        project.require_model(model)
    snapshots = list_snapshots(project, model)
    if as_json:
        print_json({"snapshots": [item.as_json() for item in snapshots]})
        return
    if not snapshots:
        print(f"No snapshot{f' of {model}' if model else ''} was made yet.")
        return
    rows = [
        (item.id, item.model, _minute(item.as_of), _stretches(item.rows), str(item.columns),
         str(item.days), bytes_text(item.bytes), bytes_text(item.new_bytes), ", ".join(item.versions))
        for item in snapshots
    ]  # fmt: skip
    names = ("snapshot", "model", "as of", "rows", "columns", "days", "size", "new", "trained")
    table = PlainTable(*names, whole={0, 1, 2}, right={4, 5, 6, 7}, spare=(5, 4, 6, 7))
    for row in rows:
        table.add_row(*row)
    SafeConsole().print(table)


def _stretches(rows: Mapping[str, int]) -> str:
    return " + ".join(f"{rows[part]:,}" for part in ("train", "validate", "test"))


def show_snapshot(directory: Path, name: str, as_json: bool) -> None:
    """Print a snapshot's manifest, with the partitions that it was made from."""
    from ml_platform.datasets.snapshot.build import excluded_texts
    from ml_platform.datasets.snapshot.find import find_snapshot
    from ml_platform.datasets.snapshot.lineage import inputs_of
    from ml_platform.storage.artifact_kinds.snapshot import SnapshotManifest
    from ml_platform.storage.erasure_marks import marks_of

    project = open_project(directory)
    artifact = find_snapshot(project, name)
    inputs = inputs_of(project, artifact)
    erased = [mark.description for mark in marks_of(project, artifact.kind, artifact.id)]
    if as_json:
        body = {
            "id": artifact.id,
            "key": artifact.key,
            **SnapshotManifest.of(artifact).as_json(),
            "inputs": [item.as_json() for item in inputs],
        }
        body["erased"] = erased
        print_json(body)
        return
    about, console = SnapshotManifest.of(artifact), SafeConsole()
    bounds = about.boundaries
    lines = {
        "snapshot": artifact.id,
        "model": about.model,
        "as of": _minute(about.as_of),
        "periods": f"train from {_minute(bounds.train_start)}, validate from {_minute(bounds.validate_start)}, "
        f"test from {_minute(bounds.test_start)} to {_minute(bounds.end)}; labels settle within {bounds.horizon}",
        "rows": f"{_stretches(about.rows)} in {about.days} days",
        "left out": _counts(excluded_texts(about.dropped)),
        "negative without a label row": _counts(excluded_texts(about.negatives)),
        "label": _label(about.label["train"]),
        "columns": ", ".join(f"{column} ({kind})" for column, kind in about.columns.items()),
        "code": about.code,
    }
    if erased:
        lines["erased"] = "; ".join(erased)
    console.print(fact_table(lines.items()))
    console.print(_table(("input", "id", "partitions", "rows"), [_input_row(item) for item in inputs]))


def _label(label: PeriodLabel) -> str:
    """Return how often each class is in the train period; of a number, its figures."""
    if label.classes is None:
        return canonical_json(label.as_json()).decode()
    return ", ".join(f"{name} {count:,}" for name, count in label.classes.items())


def _minute(instant: str) -> str:
    return instant[:16].replace("T", " ")


def _input_row(item: SnapshotInput) -> tuple[str, ...]:
    if item.partitions is None:
        return item.node, item.id, "removed", ""
    rows = sum(part.rows for part in item.partitions)
    return item.node, item.id, f"{len(item.partitions)}", f"{rows:,}"


def show_diff(directory: Path, first: str, second: str, as_json: bool) -> None:
    """Print what differs between two snapshots."""
    from ml_platform.datasets.snapshot.diff import diff_snapshots
    from ml_platform.datasets.snapshot.find import find_snapshot

    project = open_project(directory)
    diff = diff_snapshots(project, find_snapshot(project, first), find_snapshot(project, second))
    if as_json:
        print_json(diff.as_json())
        return
    _print_diff(diff)


def _print_diff(diff: SnapshotDiff) -> None:
    console, days = SafeConsole(), diff.days
    if diff.first == diff.second:
        console.print(f"Both are snapshot {diff.first[:12]}.", highlight=False)
        return
    stretches = [f"{part} {before:,} -> {after:,}" for part, (before, after) in diff.stretches.items()]
    stretches.append(f"purged between them {diff.purged[0]:,} -> {diff.purged[1]:,}")
    lines = [
        ("snapshots", f"{diff.first[:12]} -> {diff.second[:12]}"),
        ("periods", ", ".join(stretches)),
        ("rows", f"{days.added:,} added, {days.gone:,} gone, {days.changed:,} changed; {days.same} days are the same"),
        ("added", _examples(days.added_examples)),
        ("gone", _examples(days.gone_examples)),
        ("columns", _columns(diff)),
        ("differs", ", ".join(name for name in diff.facts if name != "label")),
    ]
    console.print(fact_table(line for line in lines if line[1]))
    if days.cells:
        rows = [(name, f"{count:,}", _examples(days.examples[name])) for name, count in days.cells.most_common()]
        console.print(_table(("column", "changed cells", "such as"), rows))
    if diff.moved:
        console.print(_table(("column", "PSI", "by chance", "moved most"), _moved(diff.moved)))


def _columns(diff: SnapshotDiff) -> str:
    changes = [f"+ {name} ({kind})" for name, kind in diff.columns_added.items()]
    changes += [f"- {name} ({kind})" for name, kind in diff.columns_gone.items()]
    return ", ".join([*changes, *(f"{name}: {a} -> {b}" for name, (a, b) in diff.columns_retyped.items())])


def _moved(moved: Sequence[Moved]) -> list[tuple[str, ...]]:
    return [
        (item.column, f"{item.psi:.3f}", f"< {item.noise:.3f}", spaced_percents(item.where)) for item in moved[:_SHOWN]
    ]


def _examples(examples: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(" ".join(f"{name} {_value(value)}" for name, value in row.items()) for row in examples)


def _value(value: Any) -> str:
    return instant_text(value) if isinstance(value, datetime) else str(value)


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> PlainTable:
    """Return a table of which only the last column may be broken into lines."""
    table = PlainTable(*names, whole=range(len(names) - 1))
    for row in rows:
        table.add_row(*row)
    return table


def _counts(counts: Sequence[str]) -> str:
    return ", ".join(counts) or "none"
