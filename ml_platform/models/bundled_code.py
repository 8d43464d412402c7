"""The project's own code that a trained model needs, kept with it.

A champion serves with the transforms it was trained with, also after their file has changed. Its sources
are objects of the artifact, they take part in its id, and a predictor is loaded only if its content has that id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ml_platform.core.hashing import bytes_hash, content_id
from ml_platform.declarations.user_code.load import load_function
from ml_platform.declarations.user_code.locate import is_defined, local_modules, row_reference, split_reference


@dataclass(frozen=True)
class Code:
    """Python files of a project, as they were when a model was fitted.

    Attributes
    ----------
    files
        Source by path relative to the project.
    root
        The project's folder; used while its files still are the same.
    unpacked
        Folder for older files, which are never edited.
    """

    files: Mapping[str, bytes]
    root: Path
    unpacked: Path

    @classmethod
    def read(cls, root: Path, references: Sequence[str], unpacked: Path) -> Code:
        """Return the files of ``module:name`` references, with everything of the project that they import.

        Raises
        ------
        ProjectCodeError
            Where a module is missing or cannot be parsed.
        """
        paths = {path for reference in references for path in local_modules(root, split_reference(reference)[0])}
        files = {path.relative_to(root).as_posix(): _source(path) for path in sorted(paths)}
        return cls(files, root, unpacked)

    @cached_property
    def hashes(self) -> dict[str, str]:
        """The hash of each file."""
        return {path: bytes_hash(source) for path, source in sorted(self.files.items())}

    def load(self, reference: str) -> Callable[..., Any]:
        """Return a function or class: from the project while it is unchanged there, else from the kept files.

        Raises
        ------
        ProjectCodeError
            Where importing it fails.
        """
        return load_function(self._folder(reference), reference)

    def load_row_form(self, reference: str) -> Callable[..., Any] | None:
        """Return the function ``NAME_row`` that is defined beside the transform ``NAME`` in its module, or None.

        It is part of the same file, so it is kept and hashed with the transform.
        """
        folder, of_row = self._folder(reference), row_reference(reference)
        return load_function(folder, of_row) if is_defined(folder, of_row) else None

    def _folder(self, reference: str) -> Path:
        current = {path: _source(self.root / path) for path in self.files if (self.root / path).is_file()}
        if current == dict(self.files):
            return self.root
        folder = self.unpacked / content_id(self.hashes)[:16]
        for path, source in self.files.items():
            _keep(folder / path, source)
        return folder


def _source(path: Path) -> bytes:
    return path.read_bytes().replace(b"\r\n", b"\n")


def _keep(path: Path, source: bytes) -> None:
    if path.is_file() and path.read_bytes() == source:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{bytes_hash(source)[:8]}")
    temporary.write_bytes(source)
    temporary.replace(path)
