"""Every expression function, aggregate, reader, algorithm and calibrator, also those of installed packages."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from ml_platform.core.expressions.functions import functions
from ml_platform.declarations.aggregates import Feature, aggregates
from ml_platform.declarations.algorithms import AlgorithmKind, algorithms
from ml_platform.declarations.calibrators import calibrators
from ml_platform.declarations.reader import readers
from ml_platform.reporting.reference.markdown import Page, code, prose, table

_OPERATORS = (
    ("`+ - * /`", "Sum, difference, product, quotient. Division by zero is null."),
    ("`//` and `%`", "Quotient rounded down, and remainder."),
    ("`== != < <= > >=`", "Comparisons. A comparison with null is null."),
    ("`in ['a', 'b']`, `not in`", "Whether a value is one of a list."),
    ("`and`, `or`, `not`", "Conditions, with the nulls of SQL: `true or null` is true."),
    ("`30d`, `2h`, `10m`", "A span of time: a whole number, then w, d, h, m, s or us."),
    ("`table.column`", "A feature, where features can be used: `courier_recent.mean_late_7d`."),
)


def variant_pages() -> list[Page]:
    """Return the pages of all kinds of variants."""
    return [_functions(), _aggregates(), _readers(), _algorithms(), _calibrators()]


def _functions() -> Page:
    rows = [(code(function.signature), prose(function.summary)) for function in functions().values()]
    return Page(
        "expressions",
        "Expressions",
        "Labels, conditions, payoffs and features are expressions over columns. A result that is not a finite "
        "number is null.",
        (
            "## Operators\n\n" + table(["operator", "meaning"], _OPERATORS),
            "## Functions\n\n" + table(["function", "result"], rows),
        ),
    )


def _aggregates() -> Page:
    rows = [
        (
            code(name),
            prose(kind.summary),
            "yes" if kind.takes_windows else "no",
            _kinds(kind),
            kind.gives or "as the input",
        )
        for name, kind in aggregates().items()
    ]
    return Page(
        "aggregates",
        "Aggregates",
        "Each feature of a feature table is one aggregate of the rows in a window. The fields are in "
        "[features/*.yaml](yaml-feature-table.md).",
        (table(["aggregate", "result", "windows", "input", "type of the result"], rows),),
    )


def _kinds(kind: type[Feature]) -> str:
    return "any" if len(kind.accepts) == 5 else ", ".join(sorted(kind.accepts))


def _readers() -> Page:
    rows = [
        (
            f"[{code(name)}](yaml-source.md#reader-{name.replace('_', '-')})",
            prose(_first_line(kind)),
            ", ".join(code(key) for key in kind.added_columns) or "–",
            ", ".join(code(key) for key in kind.answers) or "–",
        )
        for name, kind in readers().items()
    ]
    return Page(
        "readers",
        "Readers",
        "A source names one reader. Its keys are in [sources/*.yaml](yaml-source.md).",
        (table(["reader", "rows come from", "columns it adds", "keys of the source that it sets"], rows),),
    )


def _algorithms() -> Page:
    kinds = algorithms()
    rows = [
        (
            f"[{code(name)}](#{name.lower()})",
            code(kind.short_name) if kind.short_name else "–",
            ", ".join(sorted(kind.tasks)),
            "yes" if kind.monotone else "no",
            code(f"pip install 'ml-platform[{kind.extra}]'") if kind.extra else "–",
        )
        for name, kind in kinds.items()
    ]
    return Page(
        "algorithms",
        "Algorithms",
        "An algorithm has a name and parameters. A parameter that is not listed is refused. Defaults are those of its "
        "library.",
        (
            table(["algorithm", "short name", "tasks", "monotone", "install"], rows),
            *(_params(name, kind) for name, kind in kinds.items()),
        ),
    )


def _params(name: str, kind: type[AlgorithmKind]) -> str:
    title, text = f"## {name} {{ #{name.lower()} }}", prose(_first_line(kind))
    if not kind.params:
        return f"{title}\n\n{text}\n\nIt has no parameters."
    return f"{title}\n\n{text}\n\n" + table(["parameter", "values"], _pairs(kind.params))


def _pairs(params: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    return [(code(name), code(allowed)) for name, allowed in params.items()]


def _calibrators() -> Page:
    rows = [
        (code(name), prose(_first_line(kind)), ", ".join(sorted(kind.tasks))) for name, kind in calibrators().items()
    ]
    return Page(
        "calibrators",
        "Calibrators",
        "A calibrator corrects probabilities on the validate period. `calibration: none` leaves them as they are.",
        (table(["calibrator", "method", "tasks"], rows),),
    )


def _first_line(kind: type[Any]) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]
