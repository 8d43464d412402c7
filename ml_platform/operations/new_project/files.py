"""The files of a new project, with comments on what to look at next."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import pandas as pd

from ml_platform.core.plain_values import plain_value
from ml_platform.operations.new_project.choices import Choices
from ml_platform.operations.new_project.table import ColumnFacts, TableFacts, UnusableFile, name_of

_MOST_TEXTS = 200
_LEAST_ROWS, _MOST_WEEKS = 50, 13
"""Rows that monitoring needs for a verdict, and how many weeks it looks at most."""
_BLOCK = "'(),"
"""Signs that need no quotes outside of braces."""


def project_files(name: str, table: TableFacts, chosen: Choices) -> Mapping[str, str]:
    """Return the text of every YAML file by its path in the project."""
    rows = table.name
    files = {
        "project.yaml": _project(name, rows, chosen) + _connections(table),
        f"sources/{rows}.yaml": _rows(name, rows, table, chosen),
        f"sources/{rows}_outcomes.yaml": _outcomes(name, rows, table, chosen),
        f"models/predict_{chosen.predict}.yaml": _model(name, rows, table, chosen),
    }
    if chosen.group:
        files[f"features/{chosen.group}_history.yaml"] = _history(name, rows, table, chosen)
    return files


def copy_rows(table: TableFacts, folder: Path) -> Path:
    """Copy the file below the project's folder, as it is, or the rows of a table as Parquet, and return the copy."""
    from pyarrow import parquet

    path = folder / "data" / f"{table.name}{table.suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if table.copied is None:
        path.write_bytes(table.file.read_bytes())
    else:
        parquet.write_table(table.copied, path)
    return path


def _ahead(chosen: Choices) -> tuple[str, str, str]:
    """Return how long before its time a row is known, when it is asked about, and the label horizon."""
    return ("2d", "1d", "2d") if chosen.daily else ("2h", "1h", "3h")


def _entity(chosen: Choices) -> str:
    return chosen.key[0].removesuffix("_id") if len(chosen.key) == 1 and chosen.key[0] != chosen.time else "row"


def _project(name: str, rows: str, chosen: Choices) -> str:
    group = f"\n  {chosen.group}: [{chosen.group}]" if chosen.group and chosen.group != _entity(chosen) else ""
    return f"""\
spec_version: 1
name: {name}
description: Predicts {chosen.predict} of {rows}.   # what is decided with it, and for whom?
owner: team:{name.replace("_", "-")}
currency: USD   # of the amounts under `value` in the models
# The rows are history, so the clock is simulated; `ml-platform advance 1d` moves it. For live data write `clock: wall`.
clock: {{simulated_from: {chosen.start:%Y-%m-%dT%H:%M:%SZ}}}
entities:
  {_entity(chosen)}: [{", ".join(chosen.key)}]{group}
"""


def _connections(table: TableFacts) -> str:
    if table.variable is None:
        return ""
    address = f"  {name_of(table.variable)}: ${{{table.variable}}}\n"
    return f"connections:   # the address, with its password, is in the environment\n{address}"


def _reader(rows: str, table: TableFacts) -> str:
    if table.reader is not None:
        return f"{table.reader}   # all of it at each run; `cursor` reads only new rows"
    kind = "parquet" if table.suffix == ".parquet" else "csv"
    written = {key: json.dumps(value, ensure_ascii=False) for key, value in table.form.keys.items()}
    place = _braces({kind: f"data/{rows}{table.suffix}", **written})
    check = "CHECK: the encoding; " if table.form.encoding else ""
    return f"{place}   # {check}a path, a glob or a URL; new files are read at the next run"


def _column(column: ColumnFacts, table: TableFacts, time: str) -> str:
    written = next((old for old, new in table.renamed.items() if new == column.name), None)
    source_column = {} if written is None else {"source_column": json.dumps(written, ensure_ascii=False)}
    dirty = {"on_error": "quarantine"} if column.name == time and column.nulls else {}
    if column.type != "timestamp" or table.rows.schema.field(column.name).type.tz:
        keys = {"type": column.type, **source_column, **dirty}
        return f"  {column.name}: {_braces(keys) if len(keys) > 1 else column.type}"
    form = {"format": json.dumps(table.formats[column.name])} if column.name in table.formats else {}
    keys = {"type": "timestamp", **source_column, **form, "zone": "UTC", **dirty}
    return f"  {column.name}: {_braces(keys)}   # CHECK: the time zone, such as Europe/Paris"


def _braces(keys: Mapping[str, str]) -> str:
    return f"{{{', '.join(f'{key}: {value}' for key, value in keys.items())}}}"


def _source(title: str, name: str, rows: str, table: TableFacts, chosen: Choices, names: list[str], known: str) -> str:
    columns = "\n".join(_column(table.columns[column], table, chosen.time) for column in names)
    return f"""\
spec_version: 1
name: {title}
description: {_quoted(f"{rows}, from {table.origin}.", _BLOCK)}
owner: team:{name.replace("_", "-")}
reader: {_reader(rows, table)}
key: [{", ".join(chosen.key)}]
event_timestamp: {chosen.time}
{known}
columns:
{columns}
"""


def _rows(name: str, rows: str, table: TableFacts, chosen: Choices) -> str:
    ahead, _, _ = _ahead(chosen)
    names = [column for column in table.columns if column not in (chosen.predict, *chosen.excluded)]
    known = (
        f"# CHECK: this declares that the columns below are known {ahead} before {chosen.time}. Remove each that is\n"
        "# known only later: predictions from it look good here and fail in production.\n"
        f"known_at: {{delay: -{ahead}}}"
    )
    return _source(rows, name, rows, table, chosen, names, known)


def _outcomes(name: str, rows: str, table: TableFacts, chosen: Choices) -> str:
    known = f"# CHECK: how long after {chosen.time} is {chosen.predict} known?\nknown_at: {{delay: 0s}}"
    group = [chosen.group] if chosen.group else []
    names = list(dict.fromkeys([*chosen.key, chosen.time, *group, chosen.predict]))
    return _source(f"{rows}_outcomes", name, rows, table, chosen, names, known)


def _history(name: str, rows: str, table: TableFacts, chosen: Choices) -> str:
    every, windows = ("1d", "[7d, 28d]") if chosen.daily else ("1h", "[1d, 7d]")
    aggregates = {
        "regression": f"  mean: {{mean: {chosen.predict}, windows: {windows}}}\n",
        "binary": f"  share: {{share: {_quoted(label_of(table, chosen)[0])}, windows: {windows}}}\n",
        "multiclass": f"  last: {{last: {chosen.predict}, windows: {windows}}}\n",
    }[chosen.template]
    return f"""\
spec_version: 1
name: {chosen.group}_history
description: What {chosen.predict} was for this {chosen.group} lately.
owner: team:{name.replace("_", "-")}
entity: {chosen.group}
source: {rows}_outcomes
refresh: {every}
publish_delay: 0s
features:   # NEXT: add other aggregates; the reference lists them
  rows: {{count: true, windows: {windows}}}
{aggregates}"""


def label_of(table: TableFacts, chosen: Choices) -> tuple[str, float]:
    """Return the label's expression, and for two classes the share of rows that are positive."""
    name, column = chosen.predict, table.columns[chosen.predict]
    if chosen.template != "binary":
        return name, 0.0
    values = table.frame(name)[name].dropna()
    if column.type == "bool":
        return name, float(values.mean())
    if column.distinct > 2:
        limit = float(f"{float(values.quantile(0.75)):.6g}")
        return f"{name} >= {limit:.15g}", float((values >= limit).mean())
    positive = _positive(values)
    return f"{name} == {plain_value(positive)!r}", float((values == positive).mean())


def _positive(values: pd.Series[Any]) -> Any:
    """Return which of two values the label is true for: such as 1, yes or true, else the rarer one."""
    counts = values.value_counts()
    by_text = {str(value).lower().removesuffix(".0"): value for value in counts.index}
    pairs = [pair for pair in _YES_AND_NO if set(pair) == set(by_text)]
    return by_text[pairs[0][0]] if pairs else counts.index[-1]


_YES_AND_NO = (("1", "0"), ("yes", "no"), ("y", "n"), ("true", "false"), ("t", "f"))


def _value(table: TableFacts, chosen: Choices) -> str:
    name, (_, share) = chosen.predict, label_of(table, chosen)
    if chosen.template == "regression":
        middle = float(table.frame(name)[name].median())
        return (
            "value:   # CHECK: what does an error cost? Here each unit of error costs 1\n"
            "  payoff: -abs(label - prediction)\n"
            f"  do_nothing: {middle:g}   # without a model: the median\n"
        )
    if chosen.template == "binary":
        worth = max(2, round(1 / max(share, 0.001)))
        return (
            "value:   # CHECK: what does acting cost, and what does it save where the label is true?\n"
            f"  actions: {{act: -1 + label * {worth}, wait: 0}}\n"
            "  do_nothing: wait\n"
        )
    counts = table.frame(name)[name].value_counts()
    names = _action_names(list(counts.index))
    actions = "".join(
        f"    {name}: {_quoted(f'where(label == {text!r}, 1, 0)', _BLOCK)}\n"
        for name, text in zip(names, counts.index, strict=True)
    )
    return (
        "value:   # CHECK: what is each choice worth? Here a right one earns 1\n"
        f"  actions:\n{actions}  do_nothing: {names[0]}   # without a model: the most frequent\n"
    )


def _action_names(classes: Sequence[str]) -> list[str]:
    """Return a name for each class; classes that differ in signs and capitals only are numbered."""
    names = [f"choose_{name_of(text)}" for text in classes]
    return [
        f"{name}_{1 + names[:place].count(name)}" if name in names[:place] else name for place, name in enumerate(names)
    ]


def _features(table: TableFacts, chosen: Choices, rows: str) -> str:
    excluded = {*chosen.key, chosen.time, chosen.predict, *chosen.excluded}
    names = [
        column.name
        for column in table.columns.values()
        if column.name not in excluded and column.type != "timestamp" and column.distinct > 1
        if column.type != "string" or column.distinct <= _MOST_TEXTS
    ]
    history = [f"  - {chosen.group}_history.*\n"] if chosen.group else []
    if not history and not names:
        problem = (
            f"no column is left to predict {chosen.predict} from: columns with one value, and texts with more than"
        )
        raise UnusableFile(
            table.where, f"{problem} {_MOST_TEXTS} values, are no features. Name a file with more columns."
        )
    return "".join([*history, *(f"  - {rows}.{name}\n" for name in names)])


def _model(name: str, rows: str, table: TableFacts, chosen: Choices) -> str:
    _, before, horizon = _ahead(chosen)
    label, _ = label_of(table, chosen)
    baseline = "ridge" if chosen.template == "regression" else "logistic_regression"
    return f"""\
spec_version: 1
name: predict_{chosen.predict}
description: Predicts {chosen.predict}, asked {before} before {chosen.time}.
owner: team:{name.replace("_", "-")}
task: {chosen.template}
population: {{source: {rows}, entity: {_entity(chosen)}, prediction_time: {chosen.time} - {before}}}
label: {{source: {rows}_outcomes, expression: {_quoted(label)}, horizon: {horizon}}}
features:
{_features(table, chosen, rows)}\
split: {{train: {chosen.train}d, validate: {chosen.validate}d, test: {chosen.test}d}}
algorithm:   # NEXT: try others; the reference lists them with their parameters
  name: lightgbm
  params: {{learning_rate: 0.05, num_leaves: 15, num_iterations: 500, early_stopping_round: 30}}
baselines: [{baseline}]
{_value(table, chosen)}\
release:
  first: {{do_nothing: 0.8, baselines: ignore}}   # CHECK: how sure must it be that a version earns more?
deployment: {{batch: "0 {"0" if chosen.daily else "*"} * * * UTC"}}
monitoring: {{window: {_window(table, chosen.time)}d, min_rows: {_LEAST_ROWS}}}
retraining: {{schedule: "0 3 * * 1 UTC", on: [drift], cooldown: 3d}}
"""


def _window(table: TableFacts, time: str) -> int:
    """Return how many days monitoring looks at: whole weeks with enough rows, at as many rows a day as so far."""
    times = table.frame(time)[time]
    days: int = max((times.max() - times.min()).days, 1)
    weeks = ceil(1.2 * _LEAST_ROWS * days / len(times) / 7)
    return 7 * min(max(weeks, 1), _MOST_WEEKS)


def _quoted(text: str, signs: str = "") -> str:
    """Return a text as YAML takes it, also within braces; outside of braces, `signs` need no quotes."""
    plain = rf"[A-Za-z_][\w .<>=/{re.escape(signs)}-]*"
    return text if re.fullmatch(plain, text, re.ASCII) else json.dumps(text, ensure_ascii=False)
