"""Check the house style: ``python .ci/words.py`` (part of ``make check``).

Looks for words to avoid and for long sentences, in the documents and in the strings that the reference is made of:
descriptions of fields, causes and cures of errors. Pages that are not rewritten yet are in `LATER`.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LATER = {"docs/guides/evidence.md", "docs/explanation/statistics.md", "docs/explanation/benchmarks.md"}
AVOID = re.compile(
    r"\b(told|tells?|telling|said|stands?|standing|anew|by right|comes? out|what came of|nobody|whoever|held against|"
    r"goes on|of then|in charge|in other clothes)\b",
    re.IGNORECASE,
)
LONGEST_SENTENCE = 40


def documents() -> list[Path]:
    """Return the pages that follow the style."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    parts = ("decisions", "reference")
    return [
        page
        for page in pages
        if not {*parts} & {*page.relative_to(ROOT).parts} and str(page.relative_to(ROOT)) not in LATER
    ]


def without_code(text: str) -> str:
    """Return the prose of a page; blocks of code keep their lines, so that line numbers stay."""
    text = re.sub(r"^```.*?^```", lambda block: "\n" * block[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "CODE", text)


def faults(name: str, text: str) -> Iterator[str]:
    """Return words to avoid and long sentences, each with its line."""
    prose = without_code(text)
    for match in AVOID.finditer(prose):
        yield f"{name}:{prose.count(chr(10), 0, match.start()) + 1}: avoid {match[0]!r}"
    for match in re.finditer(r"[^.!?:|\n][^.!?:|]*(?:\n(?![\n#|*-])[^.!?:|]*)*[.!?]", prose):
        words = len(match[0].split())
        if words > LONGEST_SENTENCE:
            yield f"{name}:{prose.count(chr(10), 0, match.start()) + 1}: a sentence of {words} words"


def main() -> None:
    """Print every fault, and end with 1 where there is one."""
    found = [line for page in documents() for line in faults(str(page.relative_to(ROOT)), page.read_text())]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(sys.executable).parent / "ml-platform"
        subprocess.run([program, "reference", folder], check=True, capture_output=True)
        for page in sorted(Path(folder).glob("*.md")):
            found += faults(f"reference/{page.name}", page.read_text())
    print(f"{'words and sentences':38}{len(found)}")
    print(*(f"  {line}" for line in found), sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
