"""The command that compares any number of experiments and versions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ml_platform.cli.json_output import print_json
from ml_platform.core.formatting import amount_text, counted, figure_text
from ml_platform.core.terminal_table import PlainTable, line
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.project import open_project
from ml_platform.reporting.comparison.many import ManyComparison, RunLine, compare_many

_MEASURES_SHOWN, _KEYS_SHOWN = 2, 3


def compare_runs(
    directory: Path, names: Sequence[str], model: str | None, against: str | None, html: Path | None, as_json: bool
) -> None:
    """Compare runs and print them as a table, or write a page."""
    comparison = compare_many(open_project(directory), names, model, against)
    page = _write(comparison, html) if html is not None else None
    if as_json:
        print_json({**comparison.as_json(), "page": str(page) if page else None})
    elif page is not None:
        print(f"{counted(len(comparison.runs), 'run')} of {comparison.model}. Open {page.as_uri()}")
    else:
        _print(comparison)


def _write(comparison: ManyComparison, html: Path) -> Path:
    from ml_platform.core.page_file import write_page_file
    from ml_platform.reporting.site.pages import many_page

    return write_page_file(many_page(comparison), html)


def _print(comparison: ManyComparison) -> None:
    console = SafeConsole()
    measures, keys = comparison.measures[:_MEASURES_SHOWN], comparison.keys[:_KEYS_SHOWN]
    heads = ("run", f"more than {comparison.against} ({comparison.unit})", "95 % interval", "gain", *measures, *keys)
    table = PlainTable(*heads, whole=(0, 1, 2), right=(1, 3, *range(4, 4 + len(measures))))
    for run in comparison.runs:
        figures = [figure_text(run.measures.get(name)) for name in measures]
        values = [run.declared.get(key, "not written") for key in keys]
        table.add_row(run.name, *_ahead(run), amount_text(run.gain), *figures, *values)
    console.print(table)
    if len(comparison.keys) > len(keys):
        more = f"{len(comparison.keys) - len(keys)} more keys differ: see them with --html FILE or --json."
        console.print(line(more, "dim"))
    for note in comparison.notes:
        console.print(line(note, "yellow"))


def _ahead(run: RunLine) -> tuple[str, str]:
    if run.ahead is None:
        return "–", "compared with it"
    amount = "–" if run.ahead.amount is None else amount_text(run.ahead.amount)
    if run.ahead.low is None or run.ahead.high is None:
        return amount, run.ahead.declined or "–"
    return amount, f"{amount_text(run.ahead.low)} to {amount_text(run.ahead.high)}"
