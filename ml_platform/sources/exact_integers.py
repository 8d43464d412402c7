"""Integers as they are written, without a float in between: a float of 64 bits rounds whole numbers beyond 2^53."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_WHOLE = r"^(?:\+([0-9]+)|(-?[0-9]+))(?:\.0*)?$"
_PLAIN = r"^-?[0-9]+$"
_EXACT_BITS = {"halffloat": 11, "float": 24, "double": 53}


def ints_of_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return text such as ``12``, ``+12``, ``12.0`` or ``1.2e3`` as integers of 64 bits.

    Raises
    ------
    pyarrow.ArrowInvalid
        Where a text is no whole number, or too large.
    """
    if not _may_be_hexadecimal(values):
        try:
            return values.cast(pa.int64())
        except pa.ArrowInvalid:
            pass
    plain = pc.replace_substring_regex(values, _WHOLE, r"\1\2")
    other = pc.fill_null(pc.invert(pc.match_substring_regex(plain, _PLAIN)), False)
    if pc.any(other).as_py():
        texts = [_whole(text) if odd else text for text, odd in zip(plain.to_pylist(), other.to_pylist(), strict=True)]
        plain = pa.chunked_array([pa.array(texts, pa.string())])
    return plain.cast(pa.int64())


def ints_of_floats(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return whole floats as integers; NaN is null.

    Raises
    ------
    pyarrow.ArrowInvalid
        Where one has a fraction, or is so large that other integers have the same float.
    """
    bound = float(2 ** _EXACT_BITS[str(values.type)])
    if pc.any(pc.greater_equal(pc.abs(values.cast(pa.float64())), bound)).as_py():
        raise pa.ArrowInvalid("a float holds integers below 2^53 only")
    numbers = values.cast(pa.float64())
    return pc.if_else(pc.is_nan(numbers), pa.scalar(None, pa.float64()), numbers).cast(pa.int64())


def _whole(text: str) -> str:
    """Return a whole number's digits; of other text something that is no number for Arrow either."""
    try:
        number = Decimal(text)
        whole = number == number.to_integral_value() and abs(number) < 2**64
    except (InvalidOperation, OverflowError):
        whole = False
    plain = text.isascii() and "_" not in text  # Python takes other signs for digits
    return str(int(number)) if whole and plain else f"{text} "


def _may_be_hexadecimal(values: pa.ChunkedArray) -> bool:
    """Return whether there is an x: Arrow takes 0x10 for 16."""
    buffers = (chunk.buffers()[2] for chunk in values.chunks)
    return any((np.frombuffer(data, np.uint8) | 32 == ord("x")).any() for data in buffers if data is not None)
