"""The normal form of fitted state: what identifies it, whatever the bytes of a file look like.

A skops file differs on every dump, and a structured array may carry anything in the gaps between its fields. So the
state is walked: arrays become a hash of their type, shape and values, objects the name of their class and their state.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ml_platform.declarations.user_code.load import PRIVATE_PACKAGE

_WITHOUT_STATE = ("numpy.random", "sklearn._loss")


def normal_form(value: Any) -> Any:
    """Return `value` as JSON types that are equal exactly for equal fitted state.

    Raises
    ------
    TypeError
        For something whose state cannot be read.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return {"float": value.hex()}
    if isinstance(value, slice):
        return {"slice": [normal_form(part) for part in (value.start, value.stop, value.step)]}
    if isinstance(value, np.dtype):
        return {"dtype": value.str}
    if isinstance(value, type):
        return {"type": class_name(value)}
    if isinstance(value, np.generic):
        return normal_form(np.asarray(value))
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, Mapping):
        return {"items": [[normal_form(key), normal_form(value[key])] for key in sorted(value, key=repr)]}
    if isinstance(value, list | tuple):
        return [normal_form(item) for item in value]
    return _object(value)


def _array(array: np.ndarray) -> Any:
    if array.dtype.hasobject:
        return {"shape": list(array.shape), "objects": [normal_form(item) for item in array.ravel()]}
    digest = hashlib.sha256()
    for name in array.dtype.names or (None,):
        part = array if name is None else array[name]
        if part.dtype.kind == "f":
            part = part + 0.0
            part[np.isnan(part)] = np.nan
        digest.update(np.ascontiguousarray(part.astype(part.dtype.newbyteorder("<"))).tobytes())
    return {"dtype": str(array.dtype), "shape": list(array.shape), "sha256": digest.hexdigest()}


def _object(value: Any) -> Any:
    kind = class_name(type(value))
    if kind.startswith(_WITHOUT_STATE):
        return {"class": kind}
    state = value.__getstate__()
    if state is None:
        raise TypeError(f"the state of {kind} cannot be read")
    if isinstance(state, dict):
        state = {name: item for name, item in state.items() if name != "_sklearn_version"}
    return {"class": kind, "state": normal_form(state)}


def class_name(kind: type) -> str:
    """Return the full name of a class; for one of a project, below the project and not below its private package."""
    return PRIVATE_PACKAGE.sub("", f"{kind.__module__}.{kind.__qualname__}").lstrip(".")
