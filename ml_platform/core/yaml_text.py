"""A value as YAML, in one line. Reading declarations uses it, so this module imports nothing heavy."""

from __future__ import annotations

from typing import Any

import yaml

_WIDEST = 1_000_000


def as_yaml(key: str, value: Any) -> str:
    """Return a key with its value as one line of YAML.

    >>> as_yaml("reader", {"csv": "data/orders.csv"})
    'reader: {csv: data/orders.csv}'
    >>> as_yaml("owner", "team:network")
    'owner: team:network'
    """
    flow = isinstance(value, dict | list)
    text: str = yaml.safe_dump(value if flow else {key: value}, default_flow_style=flow, sort_keys=False, width=_WIDEST)
    return f"{key}: {text}".strip() if flow else text.strip()
