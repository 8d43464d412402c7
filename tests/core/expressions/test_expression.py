from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_platform.core.errors import ExpressionError
from ml_platform.core.expressions import parse_expression

HOUR = 3_600_000_000
KINDS: dict[str, Any] = {
    "a": "float",
    "b": "float",
    "i": "int",
    "j": "int",
    "p": "bool",
    "q": "bool",
    "s": "string",
    "t": "timestamp",
    "u": "timestamp",
    "weather.wind": "float",
}


def values_of(text, **columns):
    series = {name.replace("__", "."): pd.Series(values) for name, values in columns.items()}
    rows = max((len(values) for values in series.values()), default=1)
    return parse_expression(text).evaluate(series, rows)


ALLOWED = "Write columns, values, operators and functions only"


@pytest.mark.parametrize(
    ("text", "names", "kind"),
    [
        ("a + weather.wind * 2", {"a", "weather.wind"}, "float"),
        ("i // 2", {"i"}, "int"),
        ("i / 2", {"i"}, "float"),
        ("t - 2h", {"t"}, "timestamp"),
        ("t - u", {"t", "u"}, "duration"),
        ("minutes(t - u) > 5", {"t", "u"}, "bool"),
        ("t - u > 30m", {"t", "u"}, "bool"),
        ("s in ['x', 'y']", {"s"}, "bool"),
        ("s not in ['2h']", {"s"}, "bool"),
        ("0 < a <= 5", {"a"}, "bool"),
        ("a if p else None", {"a", "p"}, "float"),
        ("p * 3", {"p"}, "int"),
        ("max(i, a, 0)", {"a", "i"}, "float"),
        ("hour(t) + weekday(t) + month(t)", {"t"}, "int"),
        ("coalesce(i, 0)", {"i"}, "int"),
        ("-5 + -a", {"a"}, "float"),
        ("7d", set(), "duration"),
    ],
)
def test_names_and_kind_of_an_expression(text, names, kind):
    expression = parse_expression(text)
    assert (expression.names, expression.check(KINDS)) == (names, kind)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "character 1 of '': nothing is written"),
        ("a + * b", f"character 5 of 'a + * b': invalid syntax. {ALLOWED}"),
        ("  a ** 2", "character 8 of '  a ** 2': ** is not an operator here. Multiply instead"),
        ("flor(a)", "character 1 of 'flor(a)': flor is not a function here. Did you mean floor?"),
        (
            "a.b.c",
            f"character 1 of 'a.b.c': a dot after anything but a table's name is not part of expressions. {ALLOWED}",
        ),
        ("2h + a[0]", f"character 6 of '2h + a[0]': an index in brackets is not part of expressions. {ALLOWED}"),
        (
            "a == None",
            "character 6 of 'a == None': a comparison with None is never true. Write is_null(x)",
        ),
        ("a in b", "character 6 of 'a in b': `in` needs a list, such as ['a', 'b']"),
        ("a in [b]", "character 7 of 'a in [b]': a list holds plain values only"),
        ("abs(x=1)", "character 1 of 'abs(x=1)': abs takes its arguments by position"),
        ("1e999", "character 1 of '1e999': the number is too large"),
        ("b'x'", "character 1 of \"b'x'\": b'x' is not a number, a text, True, False or None"),
        (
            "99999999999999999999",
            "character 1 of '99999999999999999999': the number does not fit into 64 bits",
        ),
    ],
)
def test_what_cannot_be_read_is_reported_with_place_and_reason(text, message):
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("text", ["__import__('os').system('x')", "(lambda: 1)()", "[x for x in a]", "a.__class__()"])
def test_nothing_but_the_listed_syntax_is_accepted(text):
    with pytest.raises(ExpressionError):
        parse_expression(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "wether.wind > 3",
            "character 1 of 'wether.wind > 3': wether.wind is not a column. Did you mean weather.wind?",
        ),
        ("1 + s", "character 1 of '1 + s': an int + a string has no meaning"),
        ("t + t", "character 1 of 't + t': a timestamp + a timestamp has no meaning"),
        ("a > s", "character 1 of 'a > s': a float and a string do not go together"),
        ("t > 2h", "character 1 of 't > 2h': a duration and a timestamp do not go together"),
        ("a and p", "character 1 of 'a and p': and takes a bool, found a float"),
        ("1 + hour(a)", "character 5 of '1 + hour(a)': hour takes a timestamp, found a float"),
        ("where(p, a)", "character 1 of 'where(p, a)': where takes 3 arguments, found 2"),
        ("max(a)", "character 1 of 'max(a)': max takes two or more arguments, found 1"),
    ],
)
def test_what_does_not_fit_is_reported_with_place_and_reason(text, message):
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text).check(KINDS)
    assert str(caught.value) == message


def test_deep_nesting_is_an_error_and_not_a_crash():
    with pytest.raises(ExpressionError):
        parse_expression("(" * 990 + "a" + ")" * 990)


def test_null_propagates_and_a_condition_on_null_does_not_match():
    late = parse_expression("delay >= 30")
    columns = {"delay": np.array([45.0, np.nan, 10.0])}
    assert late.evaluate(columns, 3).tolist() == [True, None, False]
    assert late.matches(columns, 3).tolist() == [True, False, False]


def test_division_by_zero_and_roots_of_negatives_are_null():
    assert np.isnan(values_of("a / b", a=[1.0], b=[0.0])).all()
    assert values_of("i % j", i=[1], j=[0]).tolist() == [None]
    assert np.isnan(values_of("sqrt(a) + log(a)", a=[-1.0, 0.0])).all()


def test_timestamps_move_by_durations():
    moved = values_of("t - 2h", t=pd.Series(pd.to_datetime(pd.Series(["2013-01-01T01:00:00Z", None]))))
    assert moved.dtype == "datetime64[us]"
    assert moved[0] == np.datetime64("2012-12-31T23:00:00")
    assert np.isnat(moved[1])


def test_calendar_parts_are_utc():
    instants = pd.to_datetime(["2013-03-31T23:30:00-05:00", "1969-12-31T23:00:00Z"], utc=True).tz_convert("Asia/Tokyo")
    assert values_of("hour(t)", t=instants).tolist() == [4, 23]
    assert values_of("weekday(t)", t=instants).tolist() == [0, 2]
    assert values_of("month(t)", t=instants).tolist() == [4, 12]


def test_a_text_that_looks_like_a_duration_stays_a_text():
    assert values_of("s == '2h'", s=["2h", "x"]).tolist() == [True, False]


def test_a_payoff_over_a_label():
    payoff = values_of("-150 + label * 0.4 * seats", label=[True, False], seats=[100, 100])
    assert payoff.tolist() == [-110.0, -150.0]


def test_whole_numbers_that_do_not_fit_are_null_and_others_keep_every_digit():
    assert values_of("i * i", i=[2**40, 2**31, -3]).tolist() == [None, 2**62, 9]
    large = pd.array([2**63 - 1, 2**53, None], dtype="Int64")
    assert values_of("i + 1", i=large).tolist() == [None, 2**53 + 1, None]
