"""What a kind of node is: which nodes a project has of it, and all of them that follows from declarations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from ml_platform.declarations.deciding import deciding
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.node_name import NodeName
from ml_platform.declarations.project import Location, ProjectSpec

Stage = Literal["data", "make", "refresh"]
"""``data``: sources and feature tables; ``make``: what a retraining makes; ``refresh``: what follows the champion."""


class NodeKind(ABC):
    """One kind of node: extend it, or `ModelNode`, in one file.

    Attributes
    ----------
    name
        The kind, such as ``snapshot``.
    version
        Raise it when what is computed for the kind changes: everything of it is computed again.
    stage
        In which job a node is made. One process at a time makes the nodes of a model in ``make``, and any other node.
    purpose
        What a node of the kind is, in a sentence without its full stop.
    artifact
        The kind of artifact that a node ends with; "" for that of its own name.
    listed_elsewhere
        Whether a table or a store of its own lists what a node made, so that its output is the id of no artifact.
    subjects_first
        Among the data, kinds with more come first.
    consequence
        What a changed declaration of it means for a model that is there, with ``{}`` for its name; "" where nothing of
        a deployed version changes.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    stage: ClassVar[Stage]
    purpose: ClassVar[str]
    artifact: ClassVar[str] = ""
    listed_elsewhere: ClassVar[bool] = False
    subjects_first: ClassVar[int] = 0
    consequence: ClassVar[str] = ""

    @classmethod
    @abstractmethod
    def subjects(cls, spec: ProjectSpec) -> Iterable[str]:
        """Return the declarations that have a node of this kind, by their names."""

    @classmethod
    @abstractmethod
    def inputs(cls, spec: ProjectSpec, subject: str) -> Iterable[NodeName]:
        """Return what a node is made from; a name that comes twice counts once."""

    @classmethod
    @abstractmethod
    def deciding(cls, spec: ProjectSpec, subject: str) -> dict[str, Any]:
        """Return the part of the declarations that decides what is made, as plain values (`deciding`)."""

    @classmethod
    @abstractmethod
    def about(cls, spec: ProjectSpec, subject: str) -> tuple[str, str]:
        """Return a node's owner and its description."""

    @classmethod
    @abstractmethod
    def location(cls, spec: ProjectSpec, subject: str) -> Location:
        """Return the line that declares a node."""

    @classmethod
    @abstractmethod
    def group(cls, subject: str) -> str:
        """Return the group in the Dagster UI."""

    @classmethod
    def functions(cls, spec: ProjectSpec, subject: str) -> tuple[str, ...]:
        """Return the project's own code (``module:name``) that takes part."""
        return ()

    @classmethod
    def column_meanings(cls, part: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what each column of a node is, by the deciding part, and under "" what its rows are."""
        return {}

    @classmethod
    def names_column(cls, part: Mapping[str, Any], node: NodeName, column: str) -> bool:
        """Return whether a deciding part names a column of one of the node's inputs."""
        return False

    @classmethod
    def change(cls, path: str) -> str:
        """Return how a plan words a changed key of the deciding part, such as ``split.train``."""
        return path


class ModelNode(NodeKind, ABC):
    """A kind of which every model has one node.

    Attributes
    ----------
    section
        The key of the model that decides it most: where it leads to in the declaration.
    parts
        Keys of the model that decide it.
    Options
        For a study, or a kind of an installed package: the value under its name in ``nodes`` of a model, as a class
        of pydantic with fields. Only models that declare it have a node then.
    """

    section: ClassVar[str] = "nodes"
    parts: ClassVar[tuple[str, ...]] = ()
    Options: ClassVar[type[BaseModel] | None] = None

    @classmethod
    def subjects(cls, spec: ProjectSpec) -> Iterable[str]:
        """Return the models; those that declare the kind under ``nodes`` where it has options."""
        declared = cls.Options is None
        return [name for name, model in spec.models.items() if declared or cls.name in (model.nodes or {})]

    @classmethod
    def options(cls, spec: ProjectSpec, subject: str) -> Any:
        """Return what a model declares for this kind under ``nodes``."""
        assert cls.Options is not None, f"{cls.name} has no options"
        return cls.Options.model_validate((spec.models[subject].nodes or {})[cls.name])

    @classmethod
    def problems(cls, model: ModelSpec, options: Any) -> Iterable[tuple[str, str]]:
        """Return options that do not fit the model: the name of each, and what is wrong with the remedy."""
        return ()

    @classmethod
    def deciding(cls, spec: ProjectSpec, subject: str) -> dict[str, Any]:
        """Return the deciding keys of the model, and the options where there are any."""
        part = {name: deciding(getattr(spec.models[subject], name)) for name in cls.parts}
        return part if cls.Options is None else {**part, "options": deciding(cls.options(spec, subject))}

    @classmethod
    def about(cls, spec: ProjectSpec, subject: str) -> tuple[str, str]:
        """Return the model's owner, and the purpose before the model's description."""
        model = spec.models[subject]
        return model.owner, f"{cls.purpose}. {model.description}"

    @classmethod
    def location(cls, spec: ProjectSpec, subject: str) -> Location:
        """Return the line of the section."""
        return _location(spec.locations, f"models/{subject}.{cls.section}", f"models/{subject}.yaml")

    @classmethod
    def group(cls, subject: str) -> str:
        """Return the model's name."""
        return subject


def _location(locations: Mapping[str, Location], key: str, file: str) -> Location:
    return locations.get(key, Location(file))
