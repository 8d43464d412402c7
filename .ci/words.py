"""Check the house style: ``python .ci/words.py`` (part of ``make check``).

Looks for words to avoid and for long sentences, in the documents and in the strings that the reference is made of:
descriptions of fields, causes and cures of errors. Looks for words to
avoid in every string constant of the four packages, in the HTML templates and in the help of the Makefile too.
"""

import ast
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AVOID = re.compile(
    r"\b(told|tells?|telling|said|stands?|standing|anew|by right|comes? out|what came of|nobody|whoever|held against|"
    r"goes on|of then|in charge|in other clothes)\b",
    re.IGNORECASE,
)
LONGEST_SENTENCE = 40

PACKAGES = ("ml_platform", "assets", "jobs", "resources")
AVOID_IN_STRINGS = re.compile(rf"{AVOID.pattern}|\b(says?|behind)\b", re.IGNORECASE)
PHRASES = re.compile(r"too few (days|gains) to say|cannot tell")
"""Fixed terms of verdicts."""
NAMES = {"told", "ml_platform/anew"}
"""A column of the database, and a tag of runs in Dagster: changing them would lose what is stored."""
CODE_IN_TEMPLATE = re.compile(r"{[{%](.*?)[%}]}", re.DOTALL)
QUOTED = re.compile(r'"([^"]*)"')
TAG = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>", re.DOTALL)


def documents() -> list[Path]:
    """Return the pages that follow the style."""
    pages = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    parts = ("decisions", "reference")
    return [page for page in pages if not {*parts} & {*page.relative_to(ROOT).parts}]


def without_code(text: str) -> str:
    """Return the prose of a page; blocks of code keep their lines, so that line numbers stay."""
    text = re.sub(r"^```.*?^```", lambda block: "\n" * block[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "CODE", text)


def faults(name: str, text: str) -> Iterator[str]:
    """Return words to avoid and long sentences, each with its line."""
    prose = PHRASES.sub("", without_code(text))
    for match in AVOID.finditer(prose):
        yield f"{name}:{prose.count(chr(10), 0, match.start()) + 1}: avoid {match[0]!r}"
    for match in re.finditer(r"[^.!?:|\n][^.!?:|]*(?:\n(?![\n#|*-])[^.!?:|]*)*[.!?]", prose):
        words = len(match[0].split())
        if words > LONGEST_SENTENCE:
            yield f"{name}:{prose.count(chr(10), 0, match.start()) + 1}: a sentence of {words} words"


def strings() -> Iterator[tuple[str, int, str]]:
    """Yield each string constant that is no docstring: its file, line and text."""
    for path in (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))):
        tree = ast.parse(path.read_bytes())
        bare = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in bare:
                yield str(path.relative_to(ROOT)), node.lineno, node.value


def templates() -> Iterator[tuple[str, int, str]]:
    """Yield the lines of text of the HTML templates, and of the help of the Makefile."""
    for path in (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.html"))):
        text = CODE_IN_TEMPLATE.sub(
            lambda code: _kept_lines(code[0], " ".join(QUOTED.findall(code[1]))), path.read_text()
        )
        text = TAG.sub(lambda tag: _kept_lines(tag[0], ""), text)
        yield from ((str(path.relative_to(ROOT)), number, line) for number, line in enumerate(text.split("\n"), 1))
    for number, line in enumerate((ROOT / "Makefile").read_text().splitlines(), 1):
        yield "Makefile", number, line.partition("## ")[2]


def _kept_lines(code: str, text: str) -> str:
    return text + "\n" * code.count("\n")


def faults_in_strings() -> Iterator[str]:
    """Return words to avoid in what people read while the platform runs, each with its line."""
    for name, line, text in (*strings(), *templates()):
        for match in AVOID_IN_STRINGS.finditer(PHRASES.sub("", text)):
            if text not in NAMES:
                yield f"{name}:{line}: avoid {match[0]!r} in {' '.join(text.split())[:60]!r}"


def main() -> None:
    """Print every fault, and end with 1 where there is one."""
    problems = [line for page in documents() for line in faults(str(page.relative_to(ROOT)), page.read_text())]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(sys.executable).parent / "ml-platform"
        subprocess.run([program, "reference", folder], check=True, capture_output=True)
        for page in sorted(Path(folder).glob("*.md")):
            problems += faults(f"reference/{page.name}", page.read_text())
    problems += faults_in_strings()
    print(f"{'words and sentences':38}{len(problems)}")
    print(*(f"  {line}" for line in problems), sep="\n")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
