"""A project's own Python, imported by file under private names."""

from __future__ import annotations

import builtins
import importlib.util
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from ml_platform.core.hashing import bytes_hash, content_id
from ml_platform.declarations.user_code.locate import (
    ProjectCodeError,
    is_local,
    local_modules,
    module_file,
    require_defined,
    split_reference,
)

PRIVATE_PACKAGE = re.compile(r"_ml_platform_project_[0-9a-f]{16}")
"""The package below which modules of a project are imported; another one for other files and for another folder."""


def load_function(root: Path, reference: str) -> Callable[..., Any]:
    """Return a project's function or class, imported by file under a private name.

    Imports between a project's own modules work, absolute or relative, and stay inside the project:
    neither ``sys.path`` nor the public names of modules are touched, so two projects never meet.

    Raises
    ------
    ProjectCodeError
        Where the module or the name is missing, or the import itself fails.
    """
    module, name = split_reference(reference)
    require_defined(root, reference)
    sources = [bytes_hash(path.read_bytes()) for path in local_modules(root, module)]
    importer = _Importer(root, f"_ml_platform_project_{content_id([str(root), sources])[:16]}")
    try:
        function: Callable[..., Any] = getattr(importer.load(module), name)
    except Exception as error:
        raise ProjectCodeError(
            f"{reference}: importing it failed with {type(error).__name__}: {error}. Repair it in {root}."
        ) from error
    return function


class _Importer:
    """Imports modules of one project below a private package, and sends their imports of each other there."""

    def __init__(self, root: Path, package: str) -> None:
        self._root, self._package = root, package

    def load(self, module: str) -> ModuleType:
        private = f"{self._package}.{module}" if module else self._package
        if private in sys.modules:
            return sys.modules[private]
        parent = self.load(module.rpartition(".")[0]) if module else None
        made = self._make(private, module)
        sys.modules[private] = made
        try:
            self._run(made)
        except BaseException:
            del sys.modules[private]
            raise
        if parent is not None:
            setattr(parent, module.rpartition(".")[2], made)
        return made

    def _make(self, private: str, module: str) -> ModuleType:
        path = module_file(self._root, module) if module else None
        folder = self._root.joinpath(*module.split(".")) if module else self._root
        places = [str(folder)] if path is None or path.name == "__init__.py" else None
        spec = importlib.util.spec_from_file_location(private, path, submodule_search_locations=places)
        if spec is None:
            spec = ModuleSpec(private, None, is_package=True)
            spec.submodule_search_locations = places
        made = importlib.util.module_from_spec(spec)
        made.__dict__["__builtins__"] = {**vars(builtins), "__import__": self._import}
        return made

    def _run(self, module: ModuleType) -> None:
        if module.__file__ is not None:
            source = Path(module.__file__).read_bytes()
            exec(compile(source, module.__file__, "exec"), module.__dict__)

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        local = self._local_name(name, str((globals or {}).get("__package__") or ""), level)
        if local is None:
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        imported = self.load(local)
        for item in fromlist or ():
            below = f"{local}.{item}".lstrip(".")
            if not hasattr(imported, item) and module_file(self._root, below) is not None:
                self.load(below)
        return imported if fromlist else self.load(local.partition(".")[0])

    def _local_name(self, name: str, package: str, level: int) -> str | None:
        if level:
            full = importlib.util.resolve_name("." * level + name, package)
            return full.removeprefix(self._package).lstrip(".")
        return name if is_local(self._root, name.partition(".")[0]) else None
