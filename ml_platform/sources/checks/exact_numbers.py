"""Whole numbers that no float has, for expectations: GE turns limits into floats, and pandas' sums overflow.

As Python's integers in a column of objects they are added and compared exactly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_platform.declarations.source import Expectation

if TYPE_CHECKING:
    import pandas as pd

_IN_FLOATS = 2**53
_IN_A_SUM = 2**63
_OF_DTYPES = frozenset({"column_type_to_be", "column_values_to_be_of_type", "column_values_to_be_in_type_list"})
_OF_FLOATS = frozenset(
    {
        "column_kl_divergence_to_be_less_than",
        "column_median_to_be_between",
        "column_quantile_values_to_be_between",
        "column_stdev_to_be_between",
        "column_value_z_scores_to_be_less_than",
        "column_values_to_not_be_outliers",
    }
)


def needs_exact_numbers(expectation: Expectation) -> bool:
    """Return whether an expectation adds or compares values: not those about types, nor figures that are floats."""
    return expectation.expect not in _OF_DTYPES | _OF_FLOATS


def with_exact_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame in which columns of large whole numbers hold Python's integers, and NaN for null.

    A column is large where a value is 2^53 or beyond, or where the sum of all rows could be beyond 2^63.

    >>> import pandas as pd
    >>> rows = with_exact_numbers(pd.DataFrame({"id": [2**62, 2**62], "items": [1, 2]}))
    >>> (rows["id"].sum() == 2**63, rows["items"].dtype.kind)
    (True, 'i')
    """
    exact = frame
    for place in range(frame.shape[1]):
        column = frame.iloc[:, place]
        if column.dtype.kind == "i" and _is_large(column):
            exact = frame.copy(deep=False) if exact is frame else exact
            values = column.astype(object).where(column.notna(), float("nan"))
            exact.isetitem(place, values.to_numpy(dtype=object))
    return exact


class WholeLimit(float):
    """A whole number that GE takes for a float, and that is compared as the whole number.

    >>> (2**53 <= WholeLimit(2**53 + 1), 2**53 + 1 <= WholeLimit(2**53 + 1), 2**53 + 2 <= WholeLimit(2**53 + 1))
    (True, True, False)
    """

    def __new__(cls, value: int) -> WholeLimit:
        """Round `value` to the float that GE sees, and keep it."""
        limit = super().__new__(cls, value)
        limit.whole = value
        return limit

    whole: int

    def __eq__(self, other: object) -> bool:
        return bool(self.whole == _whole(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> bool:
        return bool(self.whole < _whole(other))

    def __le__(self, other: Any) -> bool:
        return bool(self.whole <= _whole(other))

    def __gt__(self, other: Any) -> bool:
        return bool(self.whole > _whole(other))

    def __ge__(self, other: Any) -> bool:
        return bool(self.whole >= _whole(other))

    def __hash__(self) -> int:
        return hash(self.whole)

    def __reduce__(self) -> tuple[type[WholeLimit], tuple[int]]:
        return WholeLimit, (self.whole,)


def exact_limits(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of an expectation, in which no large limit is rounded to a float."""
    return {name: WholeLimit(value) if _is_large_limit(value) else value for name, value in arguments.items()}


def _is_large_limit(value: Any) -> bool:
    return isinstance(value, int) and abs(value) >= _IN_FLOATS


def _whole(value: Any) -> Any:
    return value.whole if isinstance(value, WholeLimit) else value


def _is_large(column: pd.Series) -> bool:
    known = column.dropna()
    if not len(known):
        return False
    largest = max(int(known.max()), -int(known.min()))
    return largest >= _IN_FLOATS or largest * len(known) >= _IN_A_SUM
