"""Studies for notebooks: what a model earned at past origins, and what its inputs are worth, as frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_platform.project import Project, open_project

if TYPE_CHECKING:
    import pandas as pd

    from ml_platform.operations.experiments.studies import StudyResult
    from ml_platform.storage.artifact_kinds.backtest import BacktestManifest
    from ml_platform.storage.artifact_kinds.figures import BasedFigure


@dataclass(frozen=True)
class Study:
    """What a study came to.

    Attributes
    ----------
    verdict
        What follows from it, in sentences.
    tables
        Its figures by the name of the table.
    notes
        What to know of the figures.

    Examples
    --------
    >>> study = ml_platform.ablation("shop", "late_parcel")
    >>> list(study.tables)
    ['parts']
    """

    verdict: tuple[str, ...]
    tables: Mapping[str, pd.DataFrame]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return "\n".join([*self.verdict, *self.notes, f"tables: {', '.join(self.tables)}"])


def backtest(
    project: Project | Path | str,
    model: str,
    origins: int | None = None,
    every: str | None = None,
    seeds: int | None = None,
) -> Study:
    """Train a model at several past instants, and return what it earned after each; production is only read.

    What a run has made is read, and nothing is trained. Options that are not given are the declared ones, or defaults.

    Parameters
    ----------
    origins
        At how many past instants to train.
    every
        The time between two origins, in days: ``7d``.
    seeds
        With how many seeds to train at each origin.

    Returns
    -------
    Study
        With the tables ``origins``, ``ages`` and ``schedules``. Each gain, loss or amount has its interval beside it as
        ``low`` and ``high``; it is null where no interval can be given.

    Raises
    ------
    UnknownModel, NotMaterialized
    ExperimentError
        Where an option cannot be read, or the study cannot be made.

    Examples
    --------
    >>> study = ml_platform.backtest("shop", "late_parcel", origins=2, every="4d", seeds=1)
    >>> study.tables["ages"]["days"].tolist()
    [4.0]
    """
    from ml_platform.reporting.overview.backtest_lines import backtest_sentences
    from ml_platform.storage.artifact_kinds.backtest import BacktestManifest

    about = _made(project, "backtest", model, {"origins": origins, "every": every, "seeds": seeds}).manifest
    assert isinstance(about, BacktestManifest)
    return _study(backtest_sentences(about), _backtest_tables(about), about.notes)


def _backtest_tables(about: BacktestManifest) -> dict[str, list[dict[str, Any]]]:
    return {
        "origins": [
            {"origin": item.origin, "end": item.end, "fitted": item.fitted, "rows": item.rows}
            | _based("gain", item.gain)
            | {"other_seeds": list(item.other_seeds), "chosen": item.chosen, **item.figures}
            for item in about.origins
        ],
        "ages": [
            {"days": item.days, "rows": item.rows, "fresh": item.fresh, "aged": item.aged, **_based("loss", item.loss)}
            for item in about.ages
        ],
        "schedules": [{"days": item.days, **_based("more", item.more)} for item in about.schedules],
    }


def ablation(project: Project | Path | str, model: str, features: bool | None = None) -> Study:
    """Train a model without each source and each feature table, and return what each is worth on the test rows.

    What a run has made is read, and nothing is trained. Production is only read.

    Parameters
    ----------
    features
        Whether to train without each feature alone too; by default as it is declared.

    Returns
    -------
    Study
        With the table ``parts``: ``worth`` is what a row earned more with the part, with its interval ``low`` to
        ``high``; null where the model cannot be trained without it, and ``problem`` is why.

    Raises
    ------
    UnknownModel, NotMaterialized
    ExperimentError
        Where the study cannot be made.

    Examples
    --------
    >>> parts = ml_platform.ablation("shop", "late_parcel").tables["parts"]
    >>> sorted(parts.loc[parts["kind"] == "source", "name"])
    ['deliveries', 'orders']
    """
    from ml_platform.reporting.overview.ablation_lines import ablation_sentences, ablation_verdict
    from ml_platform.storage.artifact_kinds.ablation import AblationManifest

    about = _made(project, "ablation", model, {"features": features}).manifest
    assert isinstance(about, AblationManifest)
    parts = [
        {"kind": part.kind, "name": part.name, "features": list(part.features), "verdict": ablation_verdict(part)}
        | _based("worth", part.worth)
        | {"without": part.without, "problem": part.problem}
        for part in about.parts
    ]
    return _study(ablation_sentences(about), {"parts": parts}, about.notes)


def _made(project: Project | Path | str, kind: str, model: str, asked: Mapping[str, Any]) -> StudyResult:
    from ml_platform.operations.experiments.studies import run_study, study_options

    opened = project if isinstance(project, Project) else open_project(project)
    named = {name: value for name, value in asked.items() if value is not None}
    return run_study(opened, kind, model, study_options(opened, kind, model, named), datetime.now(UTC))


def _based(name: str, figure: BasedFigure | None) -> dict[str, float | None]:
    ends = (None, None, None) if figure is None else (figure.figure, figure.low, figure.high)
    return dict(zip((name, "low", "high"), ends, strict=True))


def _study(verdict: tuple[str, ...], tables: Mapping[str, list[dict[str, Any]]], notes: tuple[str, ...]) -> Study:
    import pandas as pd

    return Study(verdict, {name: pd.DataFrame(rows) for name, rows in tables.items()}, notes)
