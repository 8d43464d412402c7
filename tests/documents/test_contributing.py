"""CONTRIBUTING.md names only what exists: files, folders, functions, headings, targets of make, and all rooms."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.documents.blocks import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ROOMS, QUESTIONS = (
    TEXT.partition(f"## {title}\n")[2].partition("\n## ")[0] for title in ("Where things stand", "Where to look")
)
LIBRARY = ROOT / "ml_platform"

PATHS = sorted({path for path in re.findall(r"`([\w./-]+)`", TEXT) if "/" in path or path.endswith((".py", ".md"))})
LINKS = sorted(set(re.findall(r"\]\(([^)#:]+)\)", TEXT)))
NOTES = re.findall(r"`([\w/.-]+\.\w+)` \(([^)]*)\)", QUESTIONS)
NAMES = sorted({(path, name) for path, note in NOTES for name in re.findall(r"`(\w+)`", note)})
HEADINGS = sorted({(path, heading) for path, note in NOTES for heading in re.findall(r'"([^"]+)"', note)})
CLASSES = [
    (folder, name)
    for names, folder in re.findall(r"^\| ((?:`[A-Z]\w+`(?:, )?)+) \| `([\w/]+/)` \|", TEXT, re.MULTILINE)
    for name in re.findall(r"\w+", names)
]


def place_of(path: str) -> Path:
    """Return a path of the document: below the repository, or below the library."""
    return ROOT / path if (ROOT / path).exists() else LIBRARY / path


def defined_in(text: str, name: str) -> bool:
    return re.search(rf"^\s*(?:def|class) {name}\b|^{name}\b.* = ", text, re.MULTILINE) is not None


def test_the_patterns_find_what_the_document_names() -> None:
    assert len(PATHS) > 30
    assert len(LINKS) > 5
    assert len(NAMES) > 10
    assert ("ml_platform/declarations/node_kinds/", "ModelNode") in CLASSES
    assert ("docs/guides/predictions.md", "What a correction changes") in HEADINGS


@pytest.mark.parametrize("path", [*PATHS, *LINKS])
def test_every_path_exists(path: str) -> None:
    assert place_of(path).exists(), f"CONTRIBUTING.md names {path}, which does not exist"


@pytest.mark.parametrize(("path", "name"), NAMES)
def test_every_name_is_defined_in_its_file(path: str, name: str) -> None:
    assert defined_in(place_of(path).read_text(encoding="utf-8"), name), f"{path} does not define {name}"


@pytest.mark.parametrize(("folder", "name"), CLASSES)
def test_every_class_is_defined_in_its_folder(folder: str, name: str) -> None:
    texts = [file.read_text(encoding="utf-8") for file in place_of(folder).glob("*.py")]
    assert any(defined_in(text, name) for text in texts), f"no file of {folder} defines {name}"


@pytest.mark.parametrize(("path", "heading"), HEADINGS)
def test_every_heading_is_in_its_page(path: str, heading: str) -> None:
    assert re.search(rf"^#+ {re.escape(heading)}$", place_of(path).read_text(encoding="utf-8"), re.MULTILINE), heading


def test_every_room_is_in_the_table() -> None:
    rooms = re.findall(r"^\| `(\w+)` \|", ROOMS, re.MULTILINE)
    assert sorted(rooms) == sorted(file.parent.name for file in LIBRARY.glob("*/__init__.py"))


def test_every_target_of_make_exists() -> None:
    named = set(re.findall(r"`make ([\w-]+)`", TEXT))
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert named
    assert named <= targets
