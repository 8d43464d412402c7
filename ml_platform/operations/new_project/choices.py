"""Choosing key, time and label of a new project: what a person names, else a guess that is shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeVar

from ml_platform.core.errors import listed, suggest
from ml_platform.declarations.checks.problems import LOGGED_COLUMNS
from ml_platform.operations.new_project.made_rows import PREDICTED
from ml_platform.operations.new_project.table import ColumnFacts, TableFacts, UnusableFile
from ml_platform.operations.new_project.times import looks_like_times, time_problem

if TYPE_CHECKING:
    import pandas as pd

TEMPLATES = tuple(PREDICTED)
TEST_DAYS = 14
_LEAST_DAYS = 45
_LONGEST_TEST = 180
_MOST_CLASSES = 20
_MOST_NAMED = 30
_WHEN = "Which column has the time of a row?"
_WHICH = "Which columns identify a row?"
_WHAT = "Which column is to be predicted?"
_LATER, _NONE = "Which columns are known only after the prediction (a,b or none)?", "none"
T = TypeVar("T")
_DAY = timedelta(days=1)
_FIRST_RUN = 3 * _DAY
_ASKED_BEFORE = timedelta(hours=3)
"""A row at the very start of the first run was to be predicted before it."""
_TIMES = "Give each row a time, all in one format, such as 2024-05-31T18:30:00Z."
_MARGIN_DAYS = 8
"""What the horizon, and the first days without history, take of the time span."""


@dataclass(frozen=True)
class Wanted:
    """What a person named; None where a guess is wanted."""

    key: tuple[str, ...] | None = None
    time: str | None = None
    predict: str | None = None
    template: str | None = None
    leave_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choices:
    """What the new project is about.

    Attributes
    ----------
    excluded
        Columns that are known only later, and are no features.
    group
        A column whose values come again: features are the history of its values. None where there is none.
    daily
        Whether times are whole days.
    start, until
        Where the simulated clock starts, and how far a first run moves it.
    train, validate, test
        Days of the split.
    """

    key: tuple[str, ...]
    time: str
    predict: str
    template: str
    excluded: tuple[str, ...]
    group: str | None
    daily: bool
    start: datetime
    until: datetime
    train: int
    validate: int
    test: int


def choose(table: TableFacts, wanted: Wanted, ask: Callable[[str, str], str]) -> Choices:
    """Return what a new project is about.

    Parameters
    ----------
    ask
        Takes a question and a guess, and returns the answer.

    Raises
    ------
    UnusableFile
    """
    asked = partial(_answer, ask)
    time = asked(wanted.time, _WHEN, lambda: _guess_time(table), partial(_time, table))
    named = None if wanted.key is None else ",".join(wanted.key)
    key = asked(named, _WHICH, lambda: ",".join(_guess_key(table, time)), partial(_key, table))
    predict = asked(
        wanted.predict, _WHAT, lambda: _guess_predict(table, time, key), partial(_predicted, table, wanted.template)
    )
    excluded = asked(",".join(wanted.leave_out), _LATER, lambda: _NONE, partial(_columns, table))
    template = wanted.template or _guess_template(table.columns[predict])
    return _in_time(table, key, time, predict, template, excluded)


def _answer(
    ask: Callable[[str, str], str], named: str | None, question: str, guess: Callable[[], str], read: Callable[[str], T]
) -> T:
    """Return what was named, or answered to a question; an answer that cannot be used is asked for once more."""
    if named:
        return read(named)
    guessed = guess()
    try:
        return read(ask(question, guessed))
    except UnusableFile as error:
        return read(ask(f"{error.problem}\n{question}", guessed))


def _time(table: TableFacts, name: str) -> str:
    name = _known(table, name)
    if problem := time_problem(table.rows, name):
        usable = [other for other in table.columns if looks_like_times(table.rows, other)]
        others = f" Columns with times: {listed(usable)}." if usable else ""
        raise UnusableFile(table.where, f"{problem}. {_TIMES}{others}")
    return name


def _key(table: TableFacts, names: str) -> tuple[str, ...]:
    key = _columns(table, names)
    _require_key(table, key)
    return key


def _predicted(table: TableFacts, template: str | None, name: str) -> str:
    name = _known(table, name)
    column = table.columns[name]
    _require_template(table, template or _guess_template(column), column)
    return name


def _columns(table: TableFacts, names: str) -> tuple[str, ...]:
    return tuple(_known(table, name) for name in names.split(",") if name.strip() not in ("", _NONE))


def _in_time(
    table: TableFacts, key: tuple[str, ...], time: str, predict: str, template: str, excluded: tuple[str, ...]
) -> Choices:
    """Return the choices with a clock and a split that fit the time span of the rows."""
    times = table.frame(time)[time].dropna()
    times = times.dt.tz_convert(UTC) if times.dt.tz else times.dt.tz_localize(UTC)
    until = _until(times)
    start = until - _FIRST_RUN
    ages = sorted({*((start - times[times < start]).dt.days)})
    days = ages[-1] if ages else 0
    if days < _LEAST_DAYS:
        problem = f"{time} spans {days + 3} days; training, and a test of {TEST_DAYS} days, need {_LEAST_DAYS + 3}."
        raise UnusableFile(table.where, f"{problem} Name a file with more history.")
    validate, test = min(max(7, round(0.15 * days)), 90), _test_days(ages, days)
    return Choices(
        key=key,
        time=time,
        predict=predict,
        template=template,
        excluded=excluded,
        group=_guess_group(table, {*key, time, predict, *excluded}),
        daily=bool((times == times.dt.normalize()).all()),
        start=start,
        until=until,
        train=days - test - validate - _MARGIN_DAYS,
        validate=validate,
        test=test,
    )


def _until(times: pd.Series[Any]) -> datetime:
    """Return the midnight up to which a first run predicts: that before the last row, if rows lie in its days."""
    last: datetime = times.max().normalize().to_pydatetime()
    predicted = times.between(last - _FIRST_RUN + _ASKED_BEFORE, last, inclusive="right")
    return last if predicted.any() else last + _DAY


def _test_days(ages: Sequence[int], days: int) -> int:
    """Return how long a test period is that has enough days with rows, and a fifth of all days."""
    enough = ages[TEST_DAYS + 2] + 3 if len(ages) > TEST_DAYS + 2 else days
    return min(max(enough, TEST_DAYS + 4, min(round(0.2 * days), _LONGEST_TEST)), days // 2)


def _known(table: TableFacts, name: str) -> str:
    renamed = table.renamed.get(name.strip(), name.strip())
    if renamed not in table.columns:
        hint = suggest(name, table.columns)
        close = f"{hint} " if hint.startswith("Did") else ""
        columns = f"The columns are {listed(table.columns, limit=_MOST_NAMED)}."
        raise UnusableFile(table.where, f"no column is called {name.strip()!r}. {close}{columns}")
    return renamed


def _guess_time(table: TableFacts) -> str:
    times = [name for name in table.columns if looks_like_times(table.rows, name)]
    problems = [time_problem(table.rows, name) for name in times]
    if None in problems:
        return times[problems.index(None)]
    raise UnusableFile(table.where, f"{'; '.join(filter(None, problems)) or 'no column has times'}. {_TIMES}")


def _guess_key(table: TableFacts, time: str) -> tuple[str, ...]:
    """Return the first column, or few columns, whose values identify a row; those with the time come first."""
    rows = table.rows.num_rows
    usable = [column for column in table.columns.values() if column.type in ("int", "string") and not column.nulls]
    for column in usable:
        if column.distinct == rows:
            return (column.name,)
    if table.columns[time].distinct == rows:
        return (time,)
    names = [column.name for column in usable]
    for pair in [(name, time) for name in names] + [*combinations(names, 2)]:
        if not table.frame(*pair).duplicated().any():
            return pair
    raise UnusableFile(table.where, "no two columns identify a row. Give them: --key a,b,c.")


def _require_key(table: TableFacts, key: tuple[str, ...]) -> None:
    taken = [name for name in key if name in LOGGED_COLUMNS]
    if taken:
        text = f"the key column {taken[0]} has the name of a column of the prediction log"
        raise UnusableFile(table.where, f"{text}. Rename it, or give other columns: --key a,b.")
    twice = int(table.frame(*key).duplicated().sum())
    if twice:
        raise UnusableFile(table.where, f"{twice} rows have a key that another row has. Give more columns: --key a,b.")


def _guess_predict(table: TableFacts, time: str, key: Sequence[str]) -> str:
    names = [name for name in table.columns if name != time and name not in key]
    if not names:
        raise UnusableFile(table.where, "no column is left to predict. Name a file with more columns.")
    return names[-1]


def _guess_template(column: ColumnFacts) -> str:
    if column.type == "bool" or column.distinct == 2:
        return "binary"
    return "multiclass" if column.type == "string" else "regression"


def _require_template(table: TableFacts, template: str, column: ColumnFacts) -> None:
    if template not in TEMPLATES:
        raise UnusableFile(table.where, f"no template is called {template!r}. {suggest(template, TEMPLATES)}")
    numbers = column.type in ("int", "float")
    wrong = {
        "regression": not numbers,
        "multiclass": column.type != "string" or not 2 < column.distinct <= _MOST_CLASSES,
        "binary": column.type != "bool" and column.distinct != 2 and not numbers,
    }[template]
    if wrong:
        facts = f"column {column.name} is {column.type} with {column.distinct} distinct values"
        raise UnusableFile(
            table.where, f"{facts}, which template {template} does not take. Name another with --template."
        )


def _guess_group(table: TableFacts, taken: set[str]) -> str | None:
    """Return the text column with the most values that each come often."""
    often = [
        column
        for column in table.columns.values()
        if column.type == "string" and column.name not in taken and not column.nulls
        if 2 <= column.distinct <= table.rows.num_rows // 20
    ]
    return max(often, key=lambda column: column.distinct).name if often else None
