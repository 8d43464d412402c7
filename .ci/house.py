"""Count what must stay at zero in the house: ``python .ci/house.py`` (part of ``make check``).

The import contracts of pyproject.toml hold the layers; this counts what no contract sees. The exit code is 1 where a
count is above its limit, and each thing counted is named.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("ml_platform", "assets", "jobs", "resources")
ALSO_READ = ("tests", "benchmarks", "examples", ".ci")
"""Folders of which only the length of files and functions counts."""
FACE = {"__init__.py", "project.py"}
LONGEST_FILE, LONGEST_FUNCTION = 300, 50


def files(folders: Iterable[str] = FOLDERS) -> Iterator[Path]:
    """Return every module of the library and of the Dagster layers, or of other folders."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob("*.py"))


def loose_modules() -> Iterator[str]:
    """Return modules of the library that are in no room."""
    for path in sorted((ROOT / "ml_platform").glob("*.py")):
        if path.name not in FACE:
            yield f"{path.relative_to(ROOT)} belongs into a room"


def long_files() -> Iterator[str]:
    """Return files with more lines than a reader takes in."""
    for path in files((*FOLDERS, *ALSO_READ)):
        lines = len(path.read_text().splitlines())
        if lines > LONGEST_FILE:
            yield f"{path.relative_to(ROOT)} has {lines} lines"


def long_functions() -> Iterator[str]:
    """Return functions with more lines than a reader takes in, their docstrings included."""
    for path, tree in parsed((*FOLDERS, *ALSO_READ)):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name} has {lines} lines"


def packages_without_a_face() -> Iterator[str]:
    """Return packages whose ``__init__`` does not say what lives there, or which of its modules others may import."""
    for path in sorted((ROOT / "ml_platform").glob("*/**/__init__.py")):
        if not ast.get_docstring(ast.parse(path.read_text())):
            yield f"{path.relative_to(ROOT)} does not say what lives there"
        if face_of(path) is None:
            yield f"{path.relative_to(ROOT)} has no __all__"


def private_imports() -> Iterator[str]:
    """Return imports, from outside a package, of modules that its ``__all__`` does not name."""
    faces = {name_of(path.parent): face_of(path) or set() for path in (ROOT / "ml_platform").glob("*/**/__init__.py")}
    for path, tree in parsed():
        here = name_of(path.with_suffix(""))
        for line, module in imports(tree):
            parts = module.split(".")
            for size in range(2, len(parts)):
                package = ".".join(parts[:size])
                if not here.startswith(f"{package}.") and parts[size] not in faces.get(package, {parts[size]}):
                    yield f"{path.relative_to(ROOT)}:{line} imports {module}, which is private to {package}"


def name_of(path: Path) -> str:
    """Return the dotted name of a file or folder."""
    return ".".join(path.relative_to(ROOT).parts)


def face_of(path: Path) -> set[str] | None:
    """Return what a package's ``__all__`` names; None where it has none."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and any(isinstance(at, ast.Name) and at.id == "__all__" for at in node.targets):
            return set(ast.literal_eval(node.value))
    return None


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Return the line and the dotted name of every module of ``ml_platform`` that is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names if name.name.startswith("ml_platform."))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ml_platform"):
            for name in node.names:
                whole = f"{node.module}.{name.name}"
                yield node.lineno, whole if is_module(whole) else str(node.module)


def is_module(name: str) -> bool:
    """Return whether a dotted name is a module of the library."""
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()


def parsed(folders: Iterable[str] = FOLDERS) -> Iterator[tuple[Path, ast.Module]]:
    """Return every module with its syntax tree."""
    for path in files(folders):
        yield path, ast.parse(path.read_text())


def locks_that_differ() -> Iterator[str]:
    """Return packages of the product's lock file that the tests' lock file has not, or has in another version."""
    product, tests = (
        {
            "==".join(pin)
            for pin in re.findall(r"^([a-z][\w.-]*)[^ =]*==([^ ;]+)", (ROOT / name).read_text(), re.MULTILINE)
        }
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    yield from (f"requirements-dev.lock lacks {pin}: run make lock" for pin in sorted(product - tests))


UNTYPED = re.compile(r"\bAny\b|\bJsonByName\b|dict\[str, object\]")
NAMED_BY_OTHERS = {
    "declared",  # the part of a declaration that decides
    "distribution",  # `Distribution` reads and writes it
    "failing_rows",  # columns of the data
    "keys",  # values of a key's columns
    "params",  # of the declared algorithm
    "summary",  # figures of a check, by the names that it gives them
    "values",  # of data
}
"""Fields of manifests whose keys or values come from a declaration or from data."""


def untyped_manifest_fields() -> Iterator[str]:
    """Return fields of manifests without a type of their own."""
    for path in sorted((ROOT / "ml_platform/storage/artifact_kinds").glob("*.py")):
        for part in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)):
            for field in (node for node in part.body if isinstance(node, ast.AnnAssign)):
                name, kind = ast.unparse(field.target), ast.unparse(field.annotation)
                if UNTYPED.search(kind) and "ClassVar" not in kind and name not in NAMED_BY_OTHERS:
                    yield f"{path.relative_to(ROOT)}:{field.lineno} {part.name}.{name} is {kind}"


def documented_names_that_do_not_exist() -> Iterator[str]:
    """Return names that a docstring explains, and that the function does not take or the class does not have."""
    trees = dict(parsed())
    classes = {node.name: node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                known = attributes(node, classes)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                known = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
            else:
                continue
            for name in documented_names(ast.get_docstring(node) or ""):
                if name not in known:
                    yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name} explains {name}, which it does not have"


def documented_names(docstring: str) -> Iterator[str]:
    """Return the names that stand in the sections of parameters and of attributes."""
    for section in re.findall(
        r"^(?:Parameters|Attributes)\n-+\n(.*?)(?=^[^\s,]+\n-{3,}|^>>>|\Z)", docstring, re.M | re.S
    ):
        for line in re.findall(r"^[*\w][*\w, ]*$", section, re.M):
            yield from (name.strip(" *") for name in line.split(","))


def attributes(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> set[str]:
    """Return what a class and the classes that it extends assign, declare, define or take."""
    names = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    for part in ast.walk(node):
        if isinstance(part, ast.AnnAssign | ast.Assign):
            targets = part.targets if isinstance(part, ast.Assign) else [part.target]
            named = [at for target in targets for at in ast.walk(target)]
            names |= {at.attr for at in named if isinstance(at, ast.Attribute)}
            names |= {at.id for at in named if isinstance(at, ast.Name)}
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            names |= {argument.arg for argument in ast.walk(part.args) if isinstance(argument, ast.arg)}
    for base in node.bases:
        name = ast.unparse(base).split("[")[0].split(".")[-1]
        if name in classes and name != node.name:
            names |= attributes(classes[name], classes)
    return names


COUNTS: dict[str, Callable[[], Iterator[str]]] = {
    "loose modules": loose_modules,
    "files over 300 lines": long_files,
    "functions over 50 lines": long_functions,
    "packages without a face": packages_without_a_face,
    "imports of private modules": private_imports,
    "untyped fields of manifests": untyped_manifest_fields,
    "locked packages that differ": locks_that_differ,
    "documented names that do not exist": documented_names_that_do_not_exist,
}


def main() -> None:
    """Print each count, and name what is above it."""
    total = 0
    for title, count in COUNTS.items():
        places = list(count())
        total += len(places)
        print(f"{title:38}{len(places)}")
        for line in places:
            print(f"  {line}")
    sys.exit(bool(total))


if __name__ == "__main__":
    main()
