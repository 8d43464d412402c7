"""The code blocks of the documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block: where it begins, its language, and its text."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def file(self) -> str | None:
        """The file that the block is, where its first line names one."""
        named = re.match(r"# ([\w./-]+\.\w+)$", self.text.partition("\n")[0])
        return named[1] if named else None

    @property
    def commands(self) -> list[str]:
        """What is typed at each prompt, without comments."""
        lines = [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]
        return [re.sub(r"\s+#.*", "", line) for line in lines]


def pages() -> list[Path]:
    """Return the documents that people follow; decisions tell history, and the reference is generated."""
    all_pages = sorted((ROOT / "docs").rglob("*.md"))
    kept = [page for page in all_pages if not {"decisions", "reference"} & {*page.relative_to(ROOT).parts}]
    examples = [ROOT / f"examples/{name}/README.md" for name in ("flights", "retail")]
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *examples, *kept]


def blocks(page: Path) -> Iterator[Block]:
    """Return the blocks of a document, in order."""
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        yield Block(page, text[: match.start()].count("\n") + 1, match[1], match[2])


def every_block(language: str) -> list[Block]:
    """Return every block of a language."""
    return [block for page in pages() for block in blocks(page) if block.language == language]
