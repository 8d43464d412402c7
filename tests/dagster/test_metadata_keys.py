"""The keys of metadata that people read in Dagster are words: no underscores, paths, codes or abbreviations of code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from tests.dagster.shop import Shop

ROOT = Path(__file__).parent.parent.parent
NO_KEYS = {"check_texts.py", "kinds.py", "partitions.py", "plots.py", "simulated.py", "worth_picture.py"}
"""Files whose mappings are no metadata: names of checks, kinds, partitions, pictures and tags."""
TAGS = {"trained_model.py": {"ml_platform.model"}}
"""Tags of MLflow."""


def is_words(key: str) -> bool:
    """Whether a key reads as words; one of Dagster's has a place of its own on the page."""
    return key.startswith("dagster/") or not {*"_/."} & {*key}


def shown_keys(shop: Shop) -> Iterator[str]:
    """The keys of every materialization, observation and check result."""
    for run in shop.instance.get_runs():
        for entry in shop.instance.all_logs(run.run_id):
            data = entry.dagster_event.event_specific_data if entry.dagster_event else None
            if isinstance(data, dg.AssetCheckEvaluation):
                yield from data.metadata
            for name in ("materialization", "asset_observation"):
                yield from getattr(getattr(data, name, None), "metadata", {})


def literal_keys(tree: ast.AST) -> Iterator[str]:
    """The keys of mappings in a module, as far as they are written out."""
    for node in ast.walk(tree):
        for key in node.keys if isinstance(node, ast.Dict) else ():
            parts = key.values if isinstance(key, ast.JoinedStr) else [key]
            written = (part.value for part in parts if isinstance(part, ast.Constant))
            yield from (value for value in written if isinstance(value, str))


def test_every_key_that_a_run_shows_is_words(untouched: Shop) -> None:
    keys = {*shown_keys(untouched)}
    assert {"summary", "ledger line", "do nothing: sure", "drifted columns", "required"} <= keys
    assert [key for key in sorted(keys) if not is_words(key)] == []


@pytest.mark.parametrize("file", sorted(path.name for path in (ROOT / "assets").glob("*.py")))
def test_every_key_that_an_asset_writes_out_is_words(file: str) -> None:
    keys = {*literal_keys(ast.parse((ROOT / "assets" / file).read_text()))} - TAGS.get(file, set())
    assert file in NO_KEYS or [key for key in sorted(keys) if not is_words(key)] == []


def test_a_key_of_code_would_be_seen() -> None:
    planted = ast.parse('{"ledger_seq": 1, f"{name}: not_deployed": 2, "dagster/row_count": 3, "age": 4}')
    assert [key for key in literal_keys(planted) if not is_words(key)] == ["ledger_seq", ": not_deployed"]
