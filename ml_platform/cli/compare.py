"""The command that compares two versions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console, RenderableType

from ml_platform.cli.json_output import print_json
from ml_platform.core.formatting import amount_text, figure_text
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole, styled
from ml_platform.project import open_project
from ml_platform.registry.resolve import version_named
from ml_platform.reporting.comparison.comparison import Gain, VersionComparison


def compare(directory: Path, first: str, second: str, rows: int, html: Path | None, as_json: bool) -> None:
    """Compare two versions and print the result, or write it as a page."""
    from ml_platform.reporting.comparison.compare import compare_versions

    project = open_project(directory)
    comparison = compare_versions(project, version_named(project, first), version_named(project, second), rows)
    page = _write(comparison, html) if html is not None else None
    if as_json:
        print_json({**comparison.as_json(), "page": str(page) if page else None})
    elif page is not None:
        print(f"{comparison.text} Open {page.as_uri()}")
    else:
        _print(comparison, SafeConsole())


def _write(comparison: VersionComparison, html: Path) -> Path:
    from ml_platform.core.page_file import write_page_file
    from ml_platform.reporting.site.pages import comparison_page

    return write_page_file(comparison_page(comparison), html)


def _print(comparison: VersionComparison, console: Console) -> None:
    console.print()
    console.print(line(styled("[bold]{}[/]", comparison.text), hang=0))
    console.print(line(comparison.sureness_text, hang=0))
    if comparison.simplest:
        console.print()
        console.print(line(f"{comparison.simplest.text} {comparison.simplest.then}".rstrip(), hang=0))
    console.print()
    console.print(_money(comparison))
    console.print(styled("\n[bold]Metrics[/]"))
    console.print(_metrics(comparison))
    console.print(styled("\n[bold]Declarations[/]"))
    console.print(_declared(comparison))
    console.print(styled("\n[bold]{}[/]", f"{comparison.changed:,} rows have another {_what(comparison)}"))
    for part in _changed(comparison):
        console.print(part)
    for note in comparison.notes:
        console.print()
        console.print(line(note, "yellow"))
    console.print(
        styled("\n[dim]By day: ml-platform compare {} {} --html FILE[/]", comparison.first, comparison.second)
    )


def _what(comparison: VersionComparison) -> str:
    return "action" if comparison.actions or not comparison.changed else "prediction"


def _money(comparison: VersionComparison) -> RenderableType:
    heads = (f"gain ({comparison.unit})", "over doing nothing", "95 % interval", "rests on")
    table = PlainTable(*heads, whole=(0, 2), right=(1,))
    for name, gain in (
        *zip((comparison.first, comparison.second), comparison.gains, strict=True),
        ("difference", comparison.difference),
    ):
        table.add_row(name, amount_text(gain.amount), interval(gain), gain.basis_text)
    for item in comparison.simpler:
        table.add_row(item.name, amount_text(item.gain.amount), interval(item.gain), item.gain.basis_text)
        more = f"difference to {comparison.beside}"
        table.add_row(more, amount_text(item.more.amount), interval(item.more), item.more.basis_text)
    return table


def interval(gain: Gain) -> str:
    """Return both ends of an interval; a dash where there is none."""
    return "–" if gain.low is None else f"{amount_text(gain.low)} to {amount_text(gain.high)}"


def _metrics(comparison: VersionComparison) -> RenderableType:
    table = PlainTable("", comparison.first, comparison.second, right=(1, 2))
    for name, (before, after) in comparison.metrics.items():
        table.add_row(name, figure_text(before), figure_text(after))
    return table


def _declared(comparison: VersionComparison) -> RenderableType:
    if comparison.declared is None:
        return "A version does not record its declaration."
    if not comparison.declared:
        return "Equal. The versions differ in the rows that they were trained on."
    table = PlainTable("key", comparison.first, comparison.second)
    for change in comparison.declared:
        table.add_row(change.key, change.before or "not written", change.after or "not written")
    return table


def _changed(comparison: VersionComparison) -> Iterator[RenderableType]:
    for change in comparison.actions:
        beyond = "more" if change.gain >= 0 else "less"
        gain = f"{amount_text(abs(change.gain), comparison.unit)} {beyond}"
        yield line(f"{change.before} became {change.after} on {change.rows:,} rows, which earned {gain}")
    if comparison.rows_shown:
        table = PlainTable(
            "at", "row", "label", "before", "after", f"earned more ({comparison.unit})", right=(5,), whole=(0, 1)
        )
        for row in comparison.rows_shown:
            key = ", ".join(str(value) for value in row.key.values())
            values = (shown(value) for value in (row.label, row.before, row.after))
            table.add_row(row.at[:16].replace("T", " "), key, *values, amount_text(row.gain))
        yield table


def shown(value: object) -> str:
    """Return a label, an action or a prediction."""
    if isinstance(value, bool):
        return str(value).lower()
    return figure_text(value) if isinstance(value, float) else str(value)
