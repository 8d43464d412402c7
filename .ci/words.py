"""Check the house style: ``python .ci/words.py`` (part of ``make check``).

Looks for words to avoid and for long sentences, in the documents and in the strings that the reference is made of:
descriptions of fields, causes and cures of errors. Looks for words to
avoid in every string constant, docstring and comment of the four packages, in the HTML templates and in the help of
the Makefile too.
Looks for them in the names of functions, classes, arguments, variables and attributes, also of tests and benchmarks,
and in the keys of JSON documents, manifests and tables.
"""

import ast
import io
import re
import subprocess
import sys
import tempfile
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AVOID = re.compile(
    r"\b(told|tells?|telling|said|stands?|standing|anew|by right|comes? out|what came of|nobody|whoever|held against|"
    r"goes on|of then|in charge|in other clothes)\b",
    re.IGNORECASE,
)
LONGEST_SENTENCE = 40
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)

PACKAGES = ("ml_platform", "assets", "jobs", "resources")
AVOID_IN_STRINGS = re.compile(rf"{AVOID.pattern}|\b(says?|behind)\b", re.IGNORECASE)
AVOID_IN_DOCSTRINGS = re.compile(AVOID_IN_STRINGS.pattern.replace(" ", r"\s+"), re.IGNORECASE)
WORDS_IN_NAMES = frozenset(
    {"told", "tell", "tells", "telling", "said", "say", "says", "behind", "stands", "standing", "anew", "again"}
    | {"given", "found", "own", "left", "nobody", "whoever"}
)
"""Words that occur in no identifier: each has a secret meaning, which a plain noun or verb does not need."""
CODE_IN_PROSE = re.compile(r"`+[^`\n]+`+")
KEYS = re.compile(r"\w+|(?=[^_]*_)[\w ;:-]+")
"""A key, or the keys of a document: prose has no underscore outside of code."""
LEFT_JOIN = re.compile(r"_?left_join")
"""The term of SQL. `left` alone is the term beside `right` only."""
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
    prose = without_code(text)
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
        for match in AVOID_IN_STRINGS.finditer(text):
            yield f"{name}:{line}: avoid {match[0]!r} in {' '.join(text.split())[:60]!r}"


def docstrings() -> Iterator[tuple[str, int, str]]:
    """Yield each docstring and each comment: its file, first line and text."""
    for path in (path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))):
        name, source = str(path.relative_to(ROOT)), path.read_text()
        for node in ast.walk(ast.parse(source)):
            match node:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield name, node.lineno, text
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                yield name, token.start[0], token.string


def faults_in_docstrings() -> Iterator[str]:
    """Return words to avoid in docstrings and comments, each with its line."""
    for name, line, text in docstrings():
        prose = CODE_IN_PROSE.sub("", text)
        for match in AVOID_IN_DOCSTRINGS.finditer(prose):
            yield f"{name}:{line + prose.count(chr(10), 0, match.start())}: avoid {match[0]!r}"


def faults_in_names() -> Iterator[str]:
    """Return names that are defined in the packages, tests and benchmarks and hold a word to avoid."""
    for folder in (*PACKAGES, "tests", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(path.read_bytes())
            for line, name in _names_to_avoid(tree):
                yield f"{path.relative_to(ROOT)}:{line}: avoid the name {name}"


def _names_to_avoid(scope: ast.AST) -> Iterator[tuple[int, str]]:
    defined = list(_defined(scope))
    names = {name for _, name in defined}
    for line, name in defined:
        words = _words(name) & WORDS_IN_NAMES
        beside = name.replace("left", "right").replace("LEFT", "RIGHT")
        is_term = words == {"left"} and (beside in names or LEFT_JOIN.fullmatch(name))
        if words and not is_term:
            yield line, name
    for inner in _inner_scopes(scope):
        yield from _names_to_avoid(inner)


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.split(r"_|(?<=[a-z])(?=[A-Z])", name)}


def faults_in_keys() -> Iterator[str]:
    """Return keys of documents and columns, which are strings in the code, that hold a word to avoid."""
    for name, line, text in strings():
        if KEYS.fullmatch(text):
            for key in re.findall(r"\w+", text):
                if _words(key) & WORDS_IN_NAMES - {"left"}:
                    yield f"{name}:{line}: avoid the key {key}"


def _defined(scope: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield what a module, class, function or lambda defines, without what is defined inside of those in it."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield node.lineno, name
            case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield node.lineno, name
        if not isinstance(node, _SCOPES):
            waiting += ast.iter_child_nodes(node)


def _inner_scopes(scope: ast.AST) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, _SCOPES):
            yield node
        else:
            yield from _inner_scopes(node)


def main() -> None:
    """Print every fault, and end with 1 where there is one."""
    problems = [line for page in documents() for line in faults(str(page.relative_to(ROOT)), page.read_text())]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(sys.executable).parent / "ml-platform"
        subprocess.run([program, "reference", folder], check=True, capture_output=True)
        for page in sorted(Path(folder).glob("*.md")):
            problems += faults(f"reference/{page.name}", page.read_text())
    problems += faults_in_strings()
    problems += faults_in_docstrings()
    problems += faults_in_names()
    problems += faults_in_keys()
    print(f"{'words and sentences':38}{len(problems)}")
    print(*(f"  {line}" for line in problems), sep="\n")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
