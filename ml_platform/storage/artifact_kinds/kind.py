"""What a kind of artifact is: the facts that its manifest holds, each with a name and a type, and its id."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Strict, ValidationError

from ml_platform.core.errors import ManifestFault
from ml_platform.declarations.node_kinds import made_by, node_kinds
from ml_platform.declarations.node_name import NodeName
from ml_platform.storage.manifest import Artifact, StoredObject

_T = TypeVar("_T")
Items = Annotated[tuple[_T, ...], Strict(False)]
"""A list in JSON."""
Pair = Annotated[tuple[str, float | int], Strict(False)]
"""A name and a figure."""
JsonByName = dict[str, Any]
"""JSON whose keys are names of a declaration, such as an algorithm's parameters: they are no fields of a manifest."""


Read = Callable[[StoredObject], Any]
"""Returns the rows of an object, checked against its hash, as an Arrow table."""


@dataclass(frozen=True)
class Mismatch:
    """Something that an artifact holds, or the id that it has, that differs from its manifest."""

    what: str
    expected: str
    actual: str


Persons = Literal["rows", "masked", "learnt", "removed"]
"""What erasing a person does with an artifact that holds rows of the person, or the key.

``rows``: rows are taken out. ``masked``: rows are taken out of tables, and the key is masked in texts. ``learnt``: it
stays and is marked, since what was learned holds no rows. ``removed``: it is removed as a whole, and the next run
makes it again from the remaining data; this is the default of a kind that does not set it.
"""


class Part(BaseModel):
    """A part of a manifest: frozen, with named fields of fixed types and no others."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, defer_build=True, populate_by_name=True, protected_namespaces=()
    )

    def as_json(self) -> dict[str, Any]:
        """Return what is written: the fields that have a value, under the names that they have in the manifest."""
        return {name: _json(value) for name, value in self.model_dump(by_alias=True, exclude_unset=True).items()}

    def but(self, **changed: Any) -> Self:
        """Return the same with other values of some fields; a field that becomes None is written no more."""
        kept = {name: getattr(self, name) for name in self.model_fields_set - set(changed)}
        return type(self)(**kept, **{name: value for name, value in changed.items() if value is not None})


class ArtifactKind(Part, ABC):
    """One kind of artifact: extend it in one file. An object of the class is what the manifest of one holds.

    A field without a default is in every manifest. One whose default is None may be absent.

    Attributes
    ----------
    name
        The kind, such as ``snapshot``.
    retention
        The key under ``retention`` in ``project.yaml``. Without one, an artifact goes when one that it refers to goes.
    is_remade
        Whether a run makes the same again where it is lost.
    roles
        The kinds of inputs whose role is neither a kind nor the name of a node; None for one that is not needed.
    persons
        What erasing a person does with an artifact that holds one: `Persons`.
    after_erasure
        What can no longer be proved of it then, after "3 rows".
    """

    name: ClassVar[str]
    retention: ClassVar[str | None] = None
    is_remade: ClassVar[bool] = True
    roles: ClassVar[Mapping[str, str | None]] = MappingProxyType({})
    persons: ClassVar[Persons] = "removed"
    after_erasure: ClassVar[str] = "erased, or the key in it masked"

    @classmethod
    def of(cls, artifact: Artifact) -> Self:
        """Return what an artifact's manifest holds.

        Raises
        ------
        ManifestFault
            Where it is of another kind, or a field is missing, unknown, or of another type.
        """
        read = artifact.read.get(cls)
        if read is None:
            read = artifact.read[cls] = cls._read(artifact)
        assert isinstance(read, cls)
        return read

    @classmethod
    def _read(cls, artifact: Artifact) -> Self:
        if artifact.kind != cls.name:
            raise ManifestFault(artifact.kind, artifact.id, f"its kind must be {cls.name}")
        try:
            return cls.model_validate(dict(artifact.about))
        except ValidationError as error:
            raise ManifestFault(artifact.kind, artifact.id, "; ".join(map(_fault, error.errors()[:3]))) from None

    @classmethod
    def kind_of(cls, role: str) -> str | None:
        """Return the kind of an input by its role: the name of a node, a kind (before ``/``), or as in `roles`.

        None for an input that is not needed once the artifact is made.
        """
        if role in cls.roles:
            return cls.roles[role]
        named = NodeName.parse(role).kind
        return made_by(named if named in node_kinds() else role.partition("/")[0])

    def links(self, inputs: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield kind and id of each artifact that this one refers to, in a fixed order."""
        for role, id in sorted(inputs.items()):
            kind = self.kind_of(role)
            if id and kind is not None:
                yield kind, id

    @property
    def row_count(self) -> int | None:
        """How many rows it holds; None where it holds none."""
        return None

    @property
    def newest(self) -> str | None:
        """The newest known-at timestamp or tick that it holds; None where it holds none."""
        return None

    @abstractmethod
    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str | None:
        """Return the id of an artifact that holds this, by what it is made from and its objects.

        None where the id does not follow from them. Writing, erasing rows and verifying all ask here.
        """

    def contents(self, objects: Mapping[str, StoredObject], read: Read) -> Iterator[Mismatch]:
        """Yield each difference between the manifest and the content of its objects."""
        return iter(())


class _UnknownKind(ArtifactKind):
    """What an artifact holds whose kind no installed package knows."""

    model_config = ConfigDict(extra="allow")

    @classmethod
    def _read(cls, artifact: Artifact) -> Self:
        return cls.model_validate(dict(artifact.about))

    def id_of(self, inputs: Mapping[str, str], objects: Mapping[str, StoredObject]) -> str | None:
        """Return None: it is unknown how its id was made."""
        return None


def _json(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_json(item) for item in value]
    return {name: _json(item) for name, item in value.items()} if isinstance(value, dict) else value


def _fault(error: Any) -> str:
    field = ".".join(str(place) for place in error["loc"])
    problem = {"missing": "is missing", "extra_forbidden": "is no field of this kind"}.get(error["type"])
    return f"{field} {problem or error['msg'][0].lower() + error['msg'][1:]}"
