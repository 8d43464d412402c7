"""Names of nodes equal their texts, and tell kind and subject."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from ml_platform.declarations.node_name import NodeName

TEXTS = [
    ("sources/orders", "source", "orders", True),
    ("features/courier_recent", "feature_table", "courier_recent", True),
    ("late_parcel/snapshot", "snapshot", "late_parcel", False),
    ("late_parcel/own_kind", "own_kind", "late_parcel", False),
]


@pytest.mark.parametrize(("text", "kind", "subject", "is_data"), TEXTS)
def test_a_name_equals_its_text_both_ways(text, kind, subject, is_data):
    name = NodeName(kind, subject)
    assert name == text
    assert hash(name) == hash(text)
    assert {text: 1}[name] == 1
    read = NodeName.parse(text)
    assert (read.kind, read.subject, read.is_data) == (kind, subject, is_data)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda name: pickle.loads(pickle.dumps(name))])
def test_a_copied_name_is_the_same_name(copied):
    name = copied(NodeName("source", "orders"))
    assert (name, type(name), name.kind) == ("sources/orders", NodeName, "source")


def test_a_name_is_written_as_its_text():
    assert json.dumps({NodeName("snapshot", "m"): NodeName("source", "s")}) == '{"m/snapshot": "sources/s"}'
