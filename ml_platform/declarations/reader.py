"""The declaration of a reader: where the rows of a source come from.

Each reader is one class in one file, in `ml_platform.sources.readers` or in an installed package: the keys in YAML,
what the platform must know about them, and the code that reads. This module finds the class for a declaration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Annotated, Any, ClassVar

from pydantic import (
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from ml_platform.core.variants import find_variants
from ml_platform.declarations.types import Declaration

GROUP = "ml_platform.readers"
"""The group of entry points by which an installed package adds readers."""
_PACKAGE = "ml_platform.sources.readers"
"""The platform's own. Its name is kept here, as the class of a reader is in a room above this one (decision 28)."""

Place = tuple[str | int, ...]


class ReaderSpec(Declaration):
    """What every reader declares, and what the platform must know about it without reading anything.

    A class that extends this one has a field of its own name: the key that chooses it in YAML.

    Attributes
    ----------
    name
        The key in YAML, such as ``csv``.
    addresses
        Fields that hold a path or a URL: credentials in them are refused.
    reads_text
        Whether cells come as text, checked to be UTF-8 by the reader; `null_values` mean null in them.
    reads_files
        Whether each part is a file that people put there: files that are gone, and rows gone from them, are reported.
    replaces_parts
        Whether maintenance of a table replaces parts by others. Where one is gone, all parts are read again.
    may_be_empty
        Whether a source without any row is no error.
    takes_posts
        Whether rows are posted to the prediction service.
    has_infinite_times
        Whether a time outside the years 1 to 9999 may mean infinity.
    answers
        Keys of the source that follow from the reader, and may be left out.
    added_columns
        Columns that rows of this reader always have, with their types.
    """

    name: ClassVar[str]
    addresses: ClassVar[tuple[str, ...]] = ()
    reads_text: ClassVar[bool] = False
    reads_files: ClassVar[bool] = False
    replaces_parts: ClassVar[bool] = False
    may_be_empty: ClassVar[bool] = False
    takes_posts: ClassVar[bool] = False
    has_infinite_times: ClassVar[bool] = False
    answers: ClassVar[Mapping[str, Any]] = {}
    added_columns: ClassVar[Mapping[str, str]] = {}

    null_values: tuple[str, ...] = Field(
        ("",),
        strict=False,
        description="Only for text files: the cells that mean null.",
        examples=[["", "NA"]],
    )

    @model_validator(mode="after")
    def _require_text(self) -> ReaderSpec:
        if not self.reads_text and self.null_values != ("",):
            owners = [name for name, reader in readers().items() if reader.reads_text]
            raise ValueError(f"null_values belongs to {_and(owners)}, found {self.name}. Remove it")
        return self

    @model_serializer(mode="wrap")
    def _declared_keys_first(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Write the reader's own keys before those of every reader: kept copies are hashed as they are written."""
        fields: dict[str, Any] = plain(self)
        shared = [name for name in ReaderSpec.model_fields if name in fields]
        return {
            **{name: fields[name] for name in fields if name not in shared},
            **{name: fields[name] for name in shared},
        }

    @property
    def value(self) -> Any:
        """What is declared under the reader's name."""
        return getattr(self, self.name)

    @property
    def label(self) -> str:
        """What is read, as people read it: never a secret."""
        return str(self.value)

    @property
    def functions(self) -> Mapping[str, str]:
        """The project's own functions that take part, as ``module:name``, by the field that names each."""
        return {}

    @property
    def connection(self) -> str | None:
        """The connection of project.yaml that is read through."""
        name: str | None = getattr(self.value, "connection", None)
        return name

    @property
    def cursor(self) -> str | None:
        """The column that only grows, where only rows beyond its largest value so far are read."""
        name: str | None = getattr(self.value, "cursor", None)
        return name

    @property
    def model(self) -> str | None:
        """The model of the project whose predictions are the rows."""
        return None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The other sources of the project whose rows are read."""
        return ()

    @property
    def decimal_mark(self) -> str:
        """The decimal mark of numbers that are written as text."""
        return "."

    @property
    def notices_changes(self) -> bool:
        """Whether parts have fingerprints, so that a change is noticed within a minute and without reading rows."""
        return True

    def problems(self, columns: Mapping[str, str]) -> Iterator[tuple[Place, str]]:
        """Yield what is wrong beside the functions, connection, cursor and model, which the platform checks itself.

        Parameters
        ----------
        columns
            The declared columns of the source by their names in the input, with their types.

        Yields
        ------
        tuple
            The place below ``reader``, such as ``("delta",)``, and a sentence with what to do.
        """
        return iter(())

    @classmethod
    def declared_fields(cls) -> Mapping[str, Any]:
        """Return the fields that a declaration may have; of this class, those of all readers."""
        if cls is not ReaderSpec:
            return cls.model_fields
        return {name: field for reader in readers().values() for name, field in reader.model_fields.items()}


@cache
def readers() -> Mapping[str, type[ReaderSpec]]:
    """Return every reader by its name: those of the platform first, then those of installed packages.

    Raises
    ------
    VariantFault
        Where an installed package adds one that cannot be used.

    >>> list(readers())[:3]
    ['bigquery', 'csv', 'delta']
    """
    return find_variants(import_module(_PACKAGE), ReaderSpec, GROUP)


def named_readers(value: Any) -> list[type[ReaderSpec]]:
    """Return the readers that a declaration names: one, unless it is wrong."""
    return [readers()[name] for name in _named(value)] if isinstance(value, dict) else []


def _named(value: Mapping[str, Any]) -> list[str]:
    return [name for name in readers() if value.get(name) is not None]


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _read(value: Any) -> ReaderSpec:
    """Return the reader of a declaration, checked by its own class."""
    if isinstance(value, ReaderSpec):
        return value
    if not isinstance(value, dict):
        raise PydanticKnownError("model_type", {"class_name": "Reader"})
    _require_known_keys(value)
    named = _named(value)
    if len(named) != 1:
        raise ValueError(f"give exactly one of {_and(list(readers()))}, found {_and(named) if named else 'none'}")
    reader = readers()[named[0]]
    fields = {key: part for key, part in value.items() if part is not None or key in reader.model_fields}
    for key in fields:
        if key not in reader.model_fields:
            owners = [name for name, other in readers().items() if key in other.model_fields]
            raise ValueError(f"{key} belongs to {_and(owners)}, found {named[0]}. Remove it")
    return reader.model_validate(fields)


def _require_known_keys(value: Mapping[str, Any]) -> None:
    known = ReaderSpec.declared_fields()
    unknown = [key for key in value if key not in known]
    if unknown:
        raise ValidationError.from_exception_data(
            "Reader", [{"type": "extra_forbidden", "loc": (key,), "input": value[key]} for key in unknown]
        )


class _AnyReader:
    """The schema, for pydantic and for editors, of a part of a declaration that is one of the readers."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_read)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"oneOf": [handler(reader.__pydantic_core_schema__) for reader in readers().values()]}


AnyReader = Annotated[ReaderSpec, _AnyReader()]
