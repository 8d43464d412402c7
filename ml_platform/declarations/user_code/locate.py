"""A project's own Python: found by file, and read without running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from ml_platform.core.errors import PlatformError, suggest

_REFERENCE = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")


class ProjectCodeError(PlatformError):
    """A function or class of the project cannot be found or imported."""


def split_reference(reference: str) -> tuple[str, str]:
    """Return module and name of a reference such as ``transforms.calendar:add_weekday``."""
    match = _REFERENCE.fullmatch(reference)
    if not match:
        raise ProjectCodeError(
            f"{reference!r} does not name code of the project. Write module:name, such as transforms.calendar:weekday"
        )
    return match.group(1), match.group(2)


def module_file(root: Path, module: str) -> Path | None:
    """Return the file of a module of the project, or None where the project has no such module."""
    base = root.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def require_defined(root: Path, reference: str) -> None:
    """Check, without importing anything, that a ``module:name`` exists.

    Raises
    ------
    ProjectCodeError
        Naming the file that is missing or cannot be parsed, or the nearest name that it defines.
    """
    module, name = split_reference(reference)
    path = module_file(root, module)
    if path is None:
        known = [".".join(file.relative_to(root).with_suffix("").parts) for file in _python_files(root)]
        remedy = suggest(module, known) if known else f"Add {module.replace('.', '/')}.py."
        raise ProjectCodeError(f"there is no module {module} in the project. {remedy}")
    defined = _defined_names(_parsed(path, root))
    if name not in defined:
        raise ProjectCodeError(f"{path.relative_to(root).as_posix()} does not define {name}. {suggest(name, defined)}")


def is_defined(root: Path, reference: str) -> bool:
    """Return whether a ``module:name`` exists, without importing anything."""
    module, name = split_reference(reference)
    path = module_file(root, module)
    return path is not None and name in _defined_names(_parsed(path, root))


def row_reference(reference: str) -> str:
    """Return the reference of the row form of a transform: ``module:name_row``."""
    return f"{reference}_row"


def is_local(root: Path, top: str) -> bool:
    """Return whether a top-level import name is a module or a folder of modules of the project."""
    return module_file(root, top) is not None or any((root / top).glob("*.py"))


def local_modules(root: Path, module: str) -> list[Path]:
    """Return the files of a module and of every module of the project that it imports, however deep."""
    start = module_file(root, module)
    if start is None:
        raise ProjectCodeError(f"there is no module {module} in the project {root}. Add {module.replace('.', '/')}.py")
    files, waiting = set[Path](), [module]
    while waiting:
        name = waiting.pop()
        for part in _with_parents(name):
            path = module_file(root, part)
            if path is not None and path not in files:
                files.add(path)
                waiting.extend(_imported_names(_parsed(path, root), _package(part, path)))
    return sorted(files)


def _python_files(root: Path) -> list[Path]:
    return [
        path for folder in (root, *sorted(root.iterdir())) if folder.is_dir() for path in sorted(folder.glob("*.py"))
    ]


def _parsed(path: Path, root: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        where = f"{path.relative_to(root).as_posix()}:{line}"
        raise ProjectCodeError(f"{where} is not Python: {getattr(error, 'msg', error)}. Correct it.") from None


def _defined_names(tree: ast.AST) -> list[str]:
    names: list[str] = []
    for statement in ast.iter_child_nodes(tree):
        if isinstance(statement, ast.If | ast.Try | ast.ExceptHandler | ast.With):
            names.extend(_defined_names(statement))
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(statement.name)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            names.extend((item.asname or item.name).partition(".")[0] for item in statement.names)
        elif isinstance(statement, ast.Assign):
            names.extend(target.id for target in statement.targets if isinstance(target, ast.Name))
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            names.append(statement.target.id)
    return names


def _imported_names(tree: ast.Module, package: str) -> Iterator[str]:
    """Yield every dotted name that a module imports anywhere, whether or not it is the project's."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (item.name for item in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if package else []
            above = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{item.name}".lstrip(".") for item in node.names)


def _package(module: str, path: Path) -> str:
    return module if path.name == "__init__.py" else module.rpartition(".")[0]


def _with_parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[: count + 1]) for count in range(len(parts))]
