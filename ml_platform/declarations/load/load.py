"""A project's folder to its checked declarations, or to all of their faults at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from ml_platform.core.errors import DeclarationError, Fault, FaultKind
from ml_platform.core.hashing import bytes_hash
from ml_platform.core.secrets import KNOWN
from ml_platform.declarations.checks.check import check_project
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.load.credentials import (
    copied_secrets,
    declared_secrets,
    literal_credentials,
    source_credentials,
)
from ml_platform.declarations.load.env_references import resolve_references, stray_references
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.project import Location, ProjectFile, ProjectSpec
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.types import Declaration
from ml_platform.declarations.yaml.document import MAX_BYTES, Document, read_document
from ml_platform.declarations.yaml.pydantic_errors import explain

_PROJECT = "project.yaml"
_MAX_FILES = 20_000
_FOLDERS = ("sources", "features", "models")
_Spec = TypeVar("_Spec", SourceSpec, FeatureTableSpec, ModelSpec)


def load_project(directory: Path, environ: Mapping[str, str] | None = None) -> ProjectSpec:
    """Read and check every declaration of a project.

    Parameters
    ----------
    directory
        The folder that holds project.yaml.
    environ
        What ``${NAME}`` in project.yaml refers to; the process's environment by default.

    Raises
    ------
    DeclarationError
        With every fault of every file, each with file, line, column, what was found and what to do.
    """
    root = Path(directory).resolve()
    reading = _Reading(root)
    project = reading.project(os.environ if environ is None else environ)
    owner = project.owner if project else ""
    sources = reading.folder("sources", SourceSpec, owner)
    tables = reading.folder("features", FeatureTableSpec, owner)
    models = reading.folder("models", ModelSpec, owner)
    if project is None:
        raise DeclarationError(reading.faults)
    models = {name: _settled(model, sources.get(model.label.source)) for name, model in models.items()}
    spec = ProjectSpec(root, project, sources, tables, models, reading.locations(), reading.files)
    reading.strays()
    reading.cross_check(spec)
    if reading.faults:
        raise DeclarationError(reading.faults)
    return spec


def _settled(model: ModelSpec, source: SourceSpec | None) -> ModelSpec:
    """Return a model with what its label takes from its source."""
    return model.model_copy(update={"label": model.label.settled_by(source)})


@dataclass
class _Reading:
    """One pass over a project's files: the documents read so far, and their faults."""

    root: Path
    documents: dict[str, Document] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    files: dict[str, str] = field(default_factory=dict)

    def project(self, environ: Mapping[str, str]) -> ProjectFile | None:
        if not (self.root / _PROJECT).is_file():
            where = f"there is no {_PROJECT} in {self.root}" if self.root.is_dir() else f"{self.root} is not a folder"
            message = f"{where}. Give the folder of a project, or make one with ml-platform init DIR."
            self.faults.append(Fault(_PROJECT, 1, 1, message, FaultKind.PLACE))
            return None
        document = self._document("project", self.root / _PROJECT)
        value, faults = resolve_references(document, environ)
        KNOWN.add(declared_secrets(document.value, value))
        self._keep_secret(literal_credentials(document))
        self.faults.extend(faults)
        return None if faults else self._validated(document, value, ProjectFile)

    def folder(self, name: str, model: type[_Spec], owner: str) -> dict[str, _Spec]:
        """Return the declarations of a folder by name; `owner` owns those that name none."""
        specs: dict[str, _Spec] = {}
        for path in self._files(name):
            if path.parent != self.root / name or path.suffix != ".yaml":
                message = f"is not read. Declarations belong directly in {name}/, in files that end in .yaml: move it."
                self.faults.append(Fault(path.relative_to(self.root).as_posix(), 1, 1, message, FaultKind.PLACE))
                continue
            document = self._document(f"{name}/{path.stem}", path)
            self.faults.extend(stray_references(document))
            if name == "sources":
                self._keep_secret(source_credentials(document))
            self._check_name(name, document, path.stem)
            spec = self._validated(document, document.value, model)
            if spec is None:
                self.broken.add(f"{name}/{path.stem}")
            else:
                named = spec.model_copy(update={"name": path.stem, "owner": spec.owner or owner})
                text = named.description or named.plain_description
                specs[path.stem] = named.model_copy(update={"description": text})
        return specs

    def _files(self, name: str) -> list[Path]:
        """Return the declarations in a folder and below it; links to folders are not followed."""
        paths: list[Path] = []
        looked = 0
        for folder, _, files in os.walk(self.root / name, onerror=self._unreadable):
            looked += len(files) + 1
            paths += [Path(folder) / file for file in files if fnmatch(file, "*.y*ml")]
            if looked > _MAX_FILES:
                message = f"holds more than {_MAX_FILES:,} files. Keep declarations in it only, and data elsewhere."
                self.faults.append(Fault(f"{name}/", 1, 1, message, FaultKind.PLACE))
                break
        return sorted(paths)

    def _unreadable(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            where = Path(error.filename).relative_to(self.root).as_posix()
            message = f"cannot be read: {error.strerror}. Give the right to read it, or move it away."
            self.faults.append(Fault(f"{where}/", 1, 1, message, FaultKind.PLACE))

    def strays(self) -> None:
        """Report folders of declarations whose name is nearly right, for nothing in them is read."""
        for folder in sorted(path for path in self.root.iterdir() if path.is_dir() and path.name not in _FOLDERS):
            close = get_close_matches(folder.name, _FOLDERS, n=1, cutoff=0.8)
            file = next(iter(sorted(folder.glob("*.y*ml"))), None) if close else None
            if file is not None:
                message = f"is not read. Declarations belong in {', '.join(_FOLDERS)}: did you mean {close[0]}/?"
                self.faults.append(Fault(file.relative_to(self.root).as_posix(), 1, 1, message, FaultKind.PLACE))

    def cross_check(self, spec: ProjectSpec) -> None:
        for problem in check_project(spec, self.broken):
            document = self.documents[problem.declaration]
            self.faults.append(document.fault(problem.place, problem.message, offset=problem.offset, kind=problem.kind))

    def locations(self) -> dict[str, Location]:
        """Where every declaration is (``models/NAME``), its keys (``models/NAME.algorithm``) and its columns."""
        places: dict[str, Location] = {}
        for key, document in self.documents.items():
            places[key] = Location(document.file)
            for part in document.value if isinstance(document.value, dict) else ():
                places[f"{key}.{part}"] = Location(document.file, document.line([part]))
            columns = document.value.get("columns") if isinstance(document.value, dict) else None
            for name in columns if isinstance(columns, dict) else ():
                places[f"{key}.columns.{name}"] = Location(document.file, document.line(["columns", name]))
        return places

    def _keep_secret(self, faults: Iterable[tuple[Fault, set[str]]]) -> None:
        """Report credentials that are written out; no message shows them."""
        for fault, values in faults:
            self.faults.append(fault)
            KNOWN.add(values)

    def _document(self, key: str, path: Path) -> Document:
        file = path.relative_to(self.root).as_posix()
        content = _content(file, path)
        document = Document(file, None, (content,)) if isinstance(content, Fault) else _cached_document(file, content)
        self.documents[key] = document
        if isinstance(content, bytes):
            self.files[file] = bytes_hash(content)
            self.faults.extend(copied_secrets(file, content))
        self.faults.extend(document.faults)
        return document

    def _validated(self, document: Document, value: Any, model: type[_Any]) -> _Any | None:
        if value is None:
            if not document.faults:
                self.faults.append(
                    document.fault((), "is empty. Write a declaration, or remove the file.", kind=FaultKind.SYNTAX)
                )
            return None
        if not isinstance(value, dict):
            self.faults.append(
                document.fault(
                    (),
                    "must be a mapping of keys to values. Write key: value, such as owner: team:shop.",
                    kind=FaultKind.SYNTAX,
                )
            )
            return None
        try:
            return model.model_validate(value)
        except ValidationError as error:
            self.faults.extend(explain(error, model, document))
            return None

    def _check_name(self, folder: str, document: Document, stem: str) -> None:
        """Report a name that is not the file's; who refers to it by that name is not at fault too."""
        name = document.value.get("name") if isinstance(document.value, dict) else None
        if isinstance(name, str) and name != stem:
            message = f"name is {name!r}, but the file is called {stem}.yaml. Give both the same name."
            self.faults.append(document.fault(["name"], message, kind=FaultKind.PLACE))
            self.broken.add(f"{folder}/{name}")


_Any = TypeVar("_Any", bound=Declaration)


def _content(file: str, path: Path) -> bytes | Fault:
    """Return a declaration's bytes, or why there are none: reading a device, for example, would never end."""
    try:
        if not path.is_file():
            what = "a link to nothing" if path.is_symlink() else "a folder" if path.is_dir() else "no file of text"
            return Fault(file, 1, 1, f"is {what}. A declaration is a file: move this away.", FaultKind.PLACE)
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        return Fault(
            file,
            1,
            1,
            f"cannot be read: {error.strerror}. Give the right to read it, or move it away.",
            FaultKind.PLACE,
        )


@lru_cache(maxsize=4096)
def _cached_document(file: str, content: bytes) -> Document:
    return read_document(file, content)
