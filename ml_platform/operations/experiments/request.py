"""What the process that tries an experiment is asked to do: plain values, without any address that holds a secret."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

_FILES_OF_PRODUCTION = "production"


@dataclass(frozen=True)
class Request:
    """One experiment.

    Attributes
    ----------
    name
        Of the experiment.
    project
        The folder of the changed project.
    folder
        The experiment's folder; `store` is the address of production's store, `database` the copy of its database.
    models
        The models that are tried.
    ingest
        The sources that are read again, as their declarations changed.
    network
        Whether the process may make connections.
    study
        A study of the model that is made in place of an experiment: its kind, its options, and the snapshot.
    """

    name: str
    project: str
    folder: str
    store: str
    database: str
    models: tuple[str, ...]
    ingest: tuple[str, ...]
    network: bool
    study: Mapping[str, Any] | None = None

    def as_text(self) -> str:
        """Return the request as one line."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str) -> Request:
        """Return the request that a line holds."""
        facts: dict[str, Any] = json.loads(text)
        return cls(**{**facts, "models": tuple(facts["models"]), "ingest": tuple(facts["ingest"])})


@dataclass(frozen=True)
class WithoutSecrets(Mapping[str, str]):
    """The environment, where a name that is not set has a placeholder: the declarations can be read without secrets."""

    environ: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.environ.get(name, f"{name} is not given to an experiment")

    def __contains__(self, name: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self.environ)

    def __len__(self) -> int:
        return len(self.environ)
