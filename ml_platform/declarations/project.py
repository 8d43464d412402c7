"""The declaration of a project, and all of its declarations together."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from ml_platform.core.clock import Schedule
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.types import Cron, Declaration, Delay, Name, Owner, Span
from ml_platform.declarations.yaml.pydantic_errors import show


def _instant(value: Any) -> datetime:
    try:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError(f"{show(value)} is not an instant. Write it in UTC, such as 2013-12-01T00:00:00Z") from None
    if instant.tzinfo is None:
        raise ValueError(f"{value} has no time zone. Write it in UTC, such as 2013-12-01T00:00:00Z")
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        raise ValueError(f"{value} is not in the years {_FIRST_YEAR} to {_LAST_YEAR}. Write another instant")
    return instant.astimezone(UTC)


_FIRST_YEAR, _LAST_YEAR = 1900, 2200


Instant = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]


def _currency(value: Any) -> str:
    if not (isinstance(value, str) and _CURRENCY.fullmatch(value)):
        raise ValueError(f"{show(value)} is not a currency. Write its three letters, such as USD")
    return value


_CURRENCY = re.compile("[A-Z]{3}")
Currency = Annotated[str, BeforeValidator(_currency), WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"})]


def _memory(value: Any) -> str:
    if not (isinstance(value, str) and _MEMORY.fullmatch(value)):
        raise ValueError(f"{show(value)} is not an amount of memory. Write a whole number and MB or GB, such as 2GB")
    return value


_MEMORY = re.compile("[1-9][0-9]{0,8}(MB|GB)")
Memory = Annotated[
    str, BeforeValidator(_memory), WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,8}(MB|GB)$"})
]


class SimulatedClockSpec(Declaration):
    """A clock for history: it starts here and moves only when told to."""

    simulated_from: Instant


def _clock_kind(value: Any) -> str:
    return "{simulated_from}" if isinstance(value, dict | SimulatedClockSpec) else "{wall}"


def _wall(value: Any) -> Any:
    if value != "wall":
        raise ValueError(f"{show(value)} is not a clock. Write wall, or {{simulated_from: 2013-12-01T00:00:00Z}}")
    return value


ClockSpec = Annotated[
    Annotated[Literal["wall"], BeforeValidator(_wall), Tag("{wall}")]
    | Annotated[SimulatedClockSpec, Tag("{simulated_from}")],
    Discriminator(_clock_kind),
]


def _spark_url(value: Any) -> str:
    if not (isinstance(value, str) and _SPARK_URL.fullmatch(value)):
        raise ValueError(
            f"{show(value)} is not a Spark. Write a master, local[2] or spark://host:7077, or a Spark Connect server, "
            "sc://host:15002"
        )
    return value


_PLACE = r"([^:/;,\s\[\]]+|\[[0-9A-Fa-f:.]+\]):[1-9]\d{0,4}"
_SPARK_URL = re.compile(rf"local(\[(\*|[1-9]\d*)\])?|spark://{_PLACE}(,{_PLACE})*|sc://{_PLACE}(/(;[^\s;]+=[^\s;]+)*)?")
SparkUrl = Annotated[str, BeforeValidator(_spark_url), WithJsonSchema({"type": "string", "examples": ["local[2]"]})]


class SparkSpec(Declaration):
    """Spark as the engine, at a place of its own."""

    spark: SparkUrl = Field(description="A Spark master, or a Spark Connect URL")


def _engine_kind(value: Any) -> str:
    return "{spark}" if isinstance(value, dict | SparkSpec) else "{name}"


def _engine_name(value: Any) -> Any:
    if value not in ("duckdb", "spark"):
        raise ValueError(f"{show(value)} is not an engine. Write duckdb, spark, or {{spark: spark://host:7077}}")
    return value


EngineSpec = Annotated[
    Annotated[Literal["duckdb", "spark"], BeforeValidator(_engine_name), Tag("{name}")]
    | Annotated[SparkSpec, Tag("{spark}")],
    Discriminator(_engine_kind),
]


class Storage(Declaration):
    """Where the platform keeps what it makes. Relative paths are relative to the project."""

    state: str = Field(".ml_platform", description="Folder for everything that is not given by URL")
    artifacts: str | None = Field(None, repr=False, description="fsspec URL of the artifact store")
    database: str | None = Field(None, repr=False, description="SQLAlchemy URL of refs, ledger and indexes")
    mlflow: str | None = Field(None, repr=False, description="MLflow tracking URI")


class Audit(Declaration):
    """How the platform proves to itself that what it made can be made again."""

    reproduce: Cron | None = Field(
        default_factory=lambda: Schedule("0 4 * * 0 UTC"),
        description="When a past version is trained again: Sundays at four unless told otherwise; null for never",
    )
    verify: Cron | None = Field(
        default_factory=lambda: Schedule("30 4 * * * UTC"),
        description="When what is stored is held against its hashes: daily at 4:30 by default; null for never",
    )
    ledger_key: Annotated[str, Field(min_length=16)] | None = Field(
        None, repr=False, description="A secret of 16 characters or more that signs the ledger's anchors, as ${NAME}"
    )
    dirty_tree: Literal["mark", "refuse"] = Field(
        "mark", description="Whether training goes on where files that take part are not committed"
    )


class Retention(Declaration):
    """How long what nobody needs any more is kept after it was made last; what has no rule is kept for ever."""

    snapshots: Span | None = Field(None, description="Snapshots that no version was trained on")
    trained_models: Span | None = Field(None, description="Trained models that are no version")
    feature_tables: Span | None = Field(None, description="Former states of feature tables")
    sources: Span | None = Field(None, description="Former states of sources; rows of the present state stay")
    monitoring: Span | None = Field(None, description="Former monitoring reports")
    quarantine: Span | None = Field(None, description="Rows that were set aside by a failed check")
    grace: Delay = Field(
        timedelta(days=1),
        description="Nothing younger goes, and what was removed can be had back so long: longer than any run takes",
    )


class ProjectFile(Declaration):
    """project.yaml."""

    spec_version: Literal[1]
    name: Name
    description: str
    owner: Owner
    currency: Currency = Field(description="ISO 4217, such as USD")
    clock: ClockSpec = "wall"
    entities: dict[Name, Annotated[tuple[str, ...], Field(min_length=1, strict=False)]]
    storage: Storage = Storage()
    alerts: tuple[str, ...] = Field(
        (), strict=False, repr=False, description="apprise URLs as ${NAME}; a log file always receives them too"
    )
    engine: EngineSpec = Field("duckdb", description="What computes feature tables and frames; no result depends on it")
    connections: dict[Name, str] = Field(
        default_factory=dict, repr=False, description="Databases that sources read from: URLs by name, as ${NAME}"
    )
    memory: Memory | None = Field(None, description="What the engine may take before it spills to disk, such as 2GB")
    audit: Audit = Audit()
    retention: Retention = Retention()
    threads: int = Field(
        2, ge=1, le=1024, description="Threads of the engine and of training; part of what decides a fit"
    )


@dataclass(frozen=True)
class Location:
    """Where a declaration stands: file relative to the project, 1-based line."""

    file: str
    line: int = 1


@dataclass(frozen=True)
class ProjectSpec:
    """All declarations of one project, checked against each other."""

    root: Path
    file: ProjectFile
    sources: dict[str, SourceSpec]
    feature_tables: dict[str, FeatureTableSpec]
    models: dict[str, ModelSpec]
    locations: dict[str, Location] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The project's name."""
        return self.file.name
