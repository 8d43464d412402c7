"""Making a new project: from a file of rows, from an example, or the bare folders."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.resources import as_file, files
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

import typer

from ml_platform.cli.exit import INTERRUPTED
from ml_platform.cli.json_output import print_json
from ml_platform.core.errors import DeclarationError, PlatformError, listed, suggest
from ml_platform.core.plain_values import json_value
from ml_platform.core.private_files import shared_as_wanted
from ml_platform.declarations.load.load import load_project
from ml_platform.declarations.load.schema import json_schemas
from ml_platform.operations.new_project.choices import Choices, Wanted, choose
from ml_platform.operations.new_project.csv_file import CsvForm
from ml_platform.operations.new_project.database_table import look_at_database
from ml_platform.operations.new_project.files import copy_rows, label_of, project_files
from ml_platform.operations.new_project.made_rows import PREDICTED, write_made_rows
from ml_platform.operations.new_project.table import TableFacts, UnusableFile, look_at, name_of
from ml_platform.operations.new_project.table_in_file import holds_tables, look_at_table

_EXAMPLES = "ml_platform_examples"
_NOT_COPIED = shutil.ignore_patterns(".ml_platform", "__pycache__", ".*", "*.csv")
_MAKE_DATA = "make_data.py"
_SCHEMAS = ".schemas"
_NAMED = 5
_KINDS = {"sources": "source", "features": "feature_table", "models": "model"}
_BARE = """\
spec_version: 1
name: {name}
description: What this project decides, and for whom.
owner: team:{name}
currency: USD
clock: wall
entities:
  customer: [customer_id]
"""


class FolderTaken(PlatformError):
    """The folder for a new project holds something already."""

    def __init__(self, directory: Path) -> None:
        super().__init__(f"{directory} is not empty. Nothing was written. Name a new or empty folder.")


class UnknownExample(PlatformError):
    """No example has this name."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"no example is called {name!r}. {suggest(name, known)}")


def make_project(
    directory: Path,
    example: str | None,
    rows: Path | None,
    wanted: Wanted,
    *,
    database: str | None = None,
    table: str | None = None,
    as_json: bool = False,
) -> None:
    """Write a new project into `directory`.

    Parameters
    ----------
    example
        Copy this example.
    rows
        A file, or a table of `database`: write a project that predicts one of its columns.
    database, table
        The environment variable with the address of a PostgreSQL database; a table of a DuckDB or SQLite file.

    Raises
    ------
    FolderTaken, UnknownExample, UnusableFile
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise FolderTaken(directory)
    _require_rows(example, rows, wanted, database, table)
    with shared_as_wanted():
        if rows is not None:
            _write_from_rows(directory, _facts(rows, database, table), wanted, _guess if as_json else _ask, as_json)
            return
        if wanted.template is not None:
            _write_from_made_rows(directory, wanted.template, as_json)
            return
        if example is None:
            _write_bare(directory)
        else:
            _copy_example(directory, example)
            _make_data(directory)
        _add_schemas(directory)
    typed = quote(str(directory))
    following = [f"ml-platform validate {typed}", f"ml-platform run {typed}"]
    if as_json:
        print_json({"directory": str(directory), "example": example, "next": following})
    elif example is None:
        print(f"Made {directory}, which declares nothing yet. --from FILE, --template TASK or --example NAME fill it.")
        print(f"Write its sources, features and models. Next: {following[0]}, then {following[1]}")
    else:
        print(f"Made {directory}. Next: {following[0]}, then {following[1]}")


def _facts(rows: Path, database: str | None, table: str | None) -> TableFacts:
    if database is not None:
        return look_at_database(str(rows), database, os.environ)
    return look_at_table(rows, table) if holds_tables(rows) else look_at(rows)


def _require_rows(
    example: str | None, rows: Path | None, wanted: Wanted, database: str | None, table: str | None
) -> None:
    """Raise where an option is given that means nothing without rows, or beside an example."""
    if example is not None and rows is not None:
        raise typer.BadParameter("give either --example or --from")
    if database is not None and rows is None:
        raise typer.BadParameter("--database needs --from TABLE")
    if table is not None and (rows is None or database is not None or (rows.is_file() and not holds_tables(rows))):
        raise typer.BadParameter("--table needs --from FILE, a DuckDB or SQLite file")
    if example is not None and wanted.template is not None:
        raise typer.BadParameter("give either --example or --template")
    named = [name for name, value in vars(wanted).items() if value and name != "template"]
    if rows is None and named:
        raise typer.BadParameter(f"--{named[0].replace('_', '-')} needs --from FILE, the rows to learn from")


def _write_from_made_rows(directory: Path, template: str, as_json: bool) -> None:
    """Write a project of a template with made rows, which shows what a project is like."""
    if template not in PREDICTED:
        raise typer.BadParameter(f"no template is called {template!r}. {suggest(template, PREDICTED)}")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "orders.csv"
        write_made_rows(file, template)
        wanted = Wanted(predict=PREDICTED[template], template=template)
        _write_from_rows(directory, look_at(file), wanted, _guess, as_json)


def _write_from_rows(
    directory: Path, table: TableFacts, wanted: Wanted, ask: Callable[[str, str], str], as_json: bool
) -> None:
    chosen = choose(table, wanted, ask)
    texts = project_files(name_of(directory.resolve().name), table, chosen)
    with TemporaryDirectory() as trial:
        _write_texts(Path(trial), texts)
        try:
            load_project(Path(trial), os.environ)
        except DeclarationError as error:
            raise UnusableFile(
                table.where, f"a project from it has a fault: {error.faults[0]} Rename file or column."
            ) from None
    if table.reader is None:
        copy_rows(table, directory)
    _write_texts(directory, texts)
    _add_schemas(directory)
    if as_json:
        body = {"directory": str(directory), **json_value(asdict(chosen)), "renamed": dict(table.renamed)}
        print_json({**body, "next": _next_commands(directory, chosen)})
        return
    _print_choices(directory, chosen, table, label_of(table, chosen)[0])


def _write_texts(directory: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _ask(question: str, guess: str) -> str:
    """Ask a person; where none is at the terminal, take the guess."""
    if not sys.stdin.isatty():
        return guess
    try:
        return str(typer.prompt(question, default=guess))
    except typer.Abort:  # Ctrl-C, or the end of the input
        print("\nStopped. Nothing was written.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None


def _guess(_: str, guess: str) -> str:
    return guess


def _next_commands(directory: Path, chosen: Choices) -> list[str]:
    typed = quote(str(directory))
    return [
        f"ml-platform run {typed} --until {chosen.until:%Y-%m-%dT%H:%M:%SZ}",
        f"ml-platform predictions predict_{chosen.predict} {typed}",
    ]


def _print_choices(directory: Path, chosen: Choices, table: TableFacts, label: str) -> None:
    print(f"Made {directory}: {chosen.template}, predicts {chosen.predict}.")
    print(f"  a row is identified by  {', '.join(chosen.key)}   (--key)")
    print(f"  a row happens at        {chosen.time}   (--time)")
    if table.columns[chosen.time].nulls:
        print(f"  rows without a time     {table.columns[chosen.time].nulls}, which wait in quarantine")
    if table.form.keys:
        print(f"  the file is written     {_written(table.form)}")
    history = f"the history of each {chosen.group}, and " if chosen.group else ""
    print(f"  features                {history}the other columns")
    if label != chosen.predict:
        print(f"  the label is true for   {label}")
    if table.not_taken:
        print(f"  of no declared type     {listed(table.not_taken, limit=_NAMED)}, which are not taken")
    if table.renamed:
        names = listed((f"{new} for {old}" for old, new in table.renamed.items()), limit=_NAMED)
        print(f"  other names             {names}")
    print(f"  train, validate, test   {chosen.train}, {chosen.validate}, {chosen.test} days")
    print(
        f"The YAML files have comments. Read those that begin with CHECK, "
        f"in {directory}/sources and {directory}/models. Next:"
    )
    print(*(f"  {command}" for command in _next_commands(directory, chosen)), sep="\n")


def _written(form: CsvForm) -> str:
    """Return how the cells of a file are written, where that is not the usual way."""
    parts = [
        f"separator {form.separator!r}" if form.separator != "," else "",
        f"decimal {form.decimal!r}" if form.decimal != "." else "",
        f"encoding {form.encoding}" if form.encoding else "",
        f"null as {listed(map(repr, form.null_values), limit=_NAMED)}" if form.null_values else "",
    ]
    return ", ".join(part for part in parts if part)


def _add_schemas(directory: Path) -> None:
    """Write the JSON schemas, and name the right one in the first line of every YAML file, for editors."""
    (directory / _SCHEMAS).mkdir(parents=True)
    for kind, schema in json_schemas().items():
        (directory / _SCHEMAS / f"{kind}.json").write_text(json.dumps(schema, indent=1), encoding="utf-8")
    for path in sorted(directory.rglob("*.yaml")):
        depth = len(path.relative_to(directory).parts) - 1
        kind = _KINDS.get(path.relative_to(directory).parts[0], "project")
        line = f"# yaml-language-server: $schema={'../' * depth}{_SCHEMAS}/{kind}.json\n"
        path.write_text(line + path.read_text(encoding="utf-8"), encoding="utf-8")


def _copy_example(directory: Path, example: str) -> None:
    examples = {entry.name: entry for entry in files(_EXAMPLES).iterdir() if entry.is_dir() and entry.name[0] != "_"}
    if example not in examples:
        raise UnknownExample(example, list(examples))
    with as_file(examples[example]) as source:
        shutil.copytree(source, directory, ignore=_NOT_COPIED, dirs_exist_ok=True)


def _make_data(directory: Path) -> None:
    """Run the script of an example that makes its data, where it has one."""
    script = directory / _MAKE_DATA
    if script.exists():
        subprocess.run([sys.executable, str(script)], check=True)


def _write_bare(directory: Path) -> None:
    for folder in ("sources", "features", "models", "transforms"):
        (directory / folder).mkdir(parents=True, exist_ok=True)
    name = name_of(directory.resolve().name)
    (directory / "project.yaml").write_text(_BARE.format(name=name), encoding="utf-8")
