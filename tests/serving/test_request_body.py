"""Bodies of requests: the faster reader of usual ones gives what the strict one gives."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_platform.serving import request_body
from ml_platform.serving.problems import RequestProblem
from ml_platform.serving.request_body import read_json
from tests.serving.test_http import HOSTILE

TEXTS = st.text(max_size=5) | st.sampled_from(["a", ":", '"', "\\", "a:b", "\ud800", "ä"])
VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | TEXTS | st.lists(st.integers())


def strictly(body: bytes) -> Any:
    """Return what the strict reader alone gives, or the text of its error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(request_body, "_simple", lambda _: None)
        return outcome(body)


def outcome(body: bytes) -> Any:
    try:
        return typed(read_json(body))
    except RequestProblem as problem:
        return (problem.status, problem.message)


def typed(value: Any) -> Any:
    """Return a value with the type and the bits of each part."""
    if isinstance(value, dict):
        return [(name, typed(item)) for name, item in value.items()]
    if isinstance(value, list):
        return [typed(item) for item in value]
    return type(value).__name__, value.hex() if isinstance(value, float) else value


@given(st.lists(st.tuples(TEXTS, VALUES), max_size=5), st.booleans())
def test_every_object_is_read_as_by_the_strict_reader(members: list[tuple[str, Any]], ascii_only: bool) -> None:
    parts = [f"{json.dumps(name, ensure_ascii=ascii_only)}: {json.dumps(value)}" for name, value in members]
    body = f"{{{', '.join(parts)}}}".encode(errors="surrogatepass")  # also with one key twice, and with NaN
    assert outcome(body) == strictly(body)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_are_refused_with_the_same_words(name: str) -> None:
    assert outcome(HOSTILE[name]) == strictly(HOSTILE[name])


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1, "a": 2}', None),
        (b'{"a": 1, "b": ":"}', {"a": 1, "b": ":"}),
        (b'{"a": "x:", "a": 2}', None),
        (b'{"\\u0061": 1, "a": 2}', None),
        (b'{"a": 1e400}', None),
        (b'{"a": -0.0}', {"a": -0.0}),
    ],
)
def test_a_key_that_comes_twice_and_a_number_too_large_are_seen(body: bytes, value: Any) -> None:
    if value is None:
        with pytest.raises(RequestProblem):
            read_json(body)
    else:
        assert read_json(body) == value
        assert math.copysign(1, read_json(body)["a"]) == math.copysign(1, value["a"])
