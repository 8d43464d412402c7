"""The declaration of a project, and all of its declarations together."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from ml_platform.core.clock import parse_instant
from ml_platform.declarations.feature_table import FeatureTableSpec
from ml_platform.declarations.model import ModelSpec
from ml_platform.declarations.source import SourceSpec
from ml_platform.declarations.types import Cron, Declaration, Description, Name, Owner, SpecVersion
from ml_platform.declarations.upkeep import Audit, Retention
from ml_platform.declarations.yaml.pydantic_errors import show


def _instant(value: Any) -> datetime:
    if not isinstance(value, str | datetime):
        raise ValueError(f"{show(value)} is not an instant. Write it in UTC, such as 2013-12-01T00:00:00Z")
    instant = value if isinstance(value, datetime) else parse_instant(value)
    if not _FIRST_YEAR <= instant.year <= _LAST_YEAR:
        raise ValueError(f"{value} is not in the years {_FIRST_YEAR} to {_LAST_YEAR}. Write another instant")
    return instant


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
    """A clock for history: it starts at an instant, and only ``ml-platform advance`` moves it."""

    simulated_from: Instant = Field(description="Where the simulated clock starts.", examples=["2024-02-20T00:00:00Z"])


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
    """Spark as the engine, at an address."""

    spark: SparkUrl = Field(
        description="A Spark master, or the URL of a Spark Connect server.", examples=["spark://host:7077"]
    )


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

    state: str = Field(
        ".ml_platform",
        description="The folder for everything that has no URL of its own below.",
        examples=["/var/lib/parcels"],
    )
    artifacts: str | None = Field(
        None,
        repr=False,
        description="The fsspec URL of the artifact store. Default: a folder in state.",
        examples=["s3://bucket/parcels"],
    )
    database: str | None = Field(
        None,
        repr=False,
        description="The SQLAlchemy URL of the database. Default: SQLite in state.",
        examples=["${DATABASE_URL}"],
    )
    mlflow: str | None = Field(
        None,
        repr=False,
        description="The MLflow tracking URI. Default: SQLite in state.",
        examples=["https://mlflow.example.com"],
    )
    online: str | None = Field(
        None,
        repr=False,
        description="The URL of the online store, where several machines serve: redis:// or rediss://. Default: a "
        "folder in state.",
        examples=["${REDIS_URL}"],
    )


class ProjectFile(Declaration):
    """What holds for the whole project: clock, entities, storage, alerts, engine."""

    spec_version: SpecVersion = 1
    name: Name = Field(description="The name of the project.", examples=["parcels"])
    description: Description = ""
    owner: Owner
    currency: Currency = Field(description="The currency of every amount, by its ISO 4217 code.", examples=["EUR"])
    clock: ClockSpec = Field(
        "wall",
        description="wall: the time of the machine; simulated_from: a clock for past data, which ml-platform advance "
        "moves.",
        examples=["wall", {"simulated_from": "2024-02-20T00:00:00Z"}],
    )
    entities: dict[Name, Annotated[tuple[str, ...], Field(min_length=1, strict=False)]] = Field(
        description="What rows are about: the key columns of each entity.",
        examples=[{"order": ["order_id"], "courier": ["courier"]}],
    )
    storage: Storage = Field(
        Storage(),
        description="Where the platform keeps its files and its database.",
        examples=[{"state": "/var/lib/ml"}],
    )
    alerts: tuple[str, ...] = Field(
        (),
        strict=False,
        repr=False,
        description="Where alerts are sent: apprise URLs, taken from the environment. A log file receives them too.",
        examples=[["${PARCELS_ALERTS}"]],
    )
    digest: Cron | None = Field(
        None,
        description="When a digest is sent to the alert channels: three lines for each model, and what needs a person. "
        "Five cron fields and a time zone.",
        examples=["0 7 * * 1 Europe/Berlin"],
    )
    engine: EngineSpec = Field(
        "duckdb",
        description="What computes feature tables and frames. Results do not depend on it.",
        examples=["spark", {"spark": "spark://host:7077"}],
    )
    connections: dict[Name, str] = Field(
        default_factory=dict,
        repr=False,
        description="Databases that sources read from: a URL by name, taken from the environment.",
        examples=[{"shop_db": "${SHOP_DB_URL}"}],
    )
    memory: Memory | None = Field(
        None,
        description="How much memory the engine may use before it spills to disk. Default: the engine's default.",
        examples=["2GB"],
    )
    audit: Audit = Field(
        Audit(), description="When versions are reproduced and the store is verified.", examples=[{"reproduce": None}]
    )
    retention: Retention = Field(
        Retention(), description="How long unused artifacts are kept.", examples=[{"snapshots": "90d"}]
    )
    threads: int = Field(
        2,
        ge=1,
        le=1024,
        description="Threads of the engine and of training. Another number can change a fit in its last digits, so it "
        "is part of the cache key of a trained model.",
        examples=[8],
    )


@dataclass(frozen=True)
class Location:
    """The place of a declaration: file relative to the project, 1-based line."""

    file: str
    line: int = 1


@dataclass(frozen=True)
class ProjectSpec:
    """All declarations of one project, checked against each other.

    Attributes
    ----------
    files
        The hash of each file as it was read; it may have been edited since.
    """

    root: Path
    file: ProjectFile
    sources: dict[str, SourceSpec]
    feature_tables: dict[str, FeatureTableSpec]
    models: dict[str, ModelSpec]
    locations: dict[str, Location] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The project's name."""
        return self.file.name

    def unit_of_value(self, model_name: str) -> str:
        """Return what the amounts of a model are in: the project's currency, or points where it declares no value."""
        model = self.models.get(model_name)
        return (model.value.unit if model else None) or self.file.currency
