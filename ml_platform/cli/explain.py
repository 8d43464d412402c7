"""Commands that answer for the past: explain and champion."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from ml_platform.audit.explain.explanation import Explanation
from ml_platform.cli.arguments import UsageError, read_day, read_instant
from ml_platform.cli.json_output import print_json
from ml_platform.core.errors import InvalidWhatIf, UnknownModel
from ml_platform.core.formatting import cents_text
from ml_platform.core.terminal_table import PlainTable
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.project import Project, open_project

_COLUMNS = ("prediction_id", "version", "score", "action", "expected_value", "settled", "largest", "rescored")

_SPARE = (1, 6, 5, 4)
"""Which of them a narrow terminal leaves out: neither the id nor score, action and whether it was reproduced."""


@dataclass(frozen=True)
class PredictionSelection:
    """Which predictions to explain: an id, a file of ids, or a sample of a model's."""

    id: str | None
    ids_from: Path | None
    model: str | None
    day: str | None
    sample: int


@dataclass(frozen=True)
class Shown:
    """How much of an explanation is printed: source rows of each feature, and every part in full or its top."""

    rows: int
    everything: bool


def first_is_folder(text: str, ids: Path | None, model: str | None) -> bool:
    """Return whether the only argument is the project's folder, since options select the predictions."""
    return (ids is not None or model is not None) and Path(text).is_dir()


def explain_predictions(
    directory: Path,
    selected: PredictionSelection,
    written: Sequence[str],
    shown: Shown,
    html: Path | None,
    as_json: bool,
) -> int:
    """Explain predictions, and return 1 where one was not reproduced exactly."""
    from ml_platform.audit.explain import explain_each

    changes = _changes(written)
    project = open_project(directory)
    ids = _ids(project, selected)
    explanations = explain_each(project, ids, project.clock.now(), edits=changes, rows=shown.rows)
    if html is not None:
        return _write_page(explanations, ids, html, as_json)
    if len(ids) == 1:
        return _print_one(next(explanations), shown, as_json)
    return _list(explanations, as_json)


def _changes(written: Sequence[str]) -> dict[str, str]:
    changes = {}
    for text in written:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise InvalidWhatIf(text, "is not a change. Write COLUMN=VALUE, such as congestion.departures_1h=40.")
        changes[name.strip()] = value.strip()
    return changes


def _ids(project: Project, selected: PredictionSelection) -> list[str]:
    from ml_platform.audit.explain.lookup import sample_ids

    ways = [selected.id is not None, selected.ids_from is not None, selected.model is not None]
    if sum(ways) != 1:
        raise UsageError("select predictions in one way: by an id, by --ids FILE, or by --model NAME with --sample.")
    if selected.id is not None:
        return [selected.id]
    if selected.model is not None:
        return sample_ids(project, selected.model, read_day(selected.day) if selected.day else None, selected.sample)
    assert selected.ids_from is not None
    try:
        ids = selected.ids_from.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{selected.ids_from} cannot be read: {error}. Give a text file with one id a line.") from None
    if not ids:
        raise UsageError(f"{selected.ids_from} holds no id. Write one a line.")
    return ids


def _print_one(explanation: Explanation, how_much: Shown, as_json: bool) -> int:
    from ml_platform.audit.explain.render_text import print_explanation

    if as_json:
        print_json(explanation.as_json())
    else:
        print_explanation(explanation, SafeConsole(), everything=how_much.everything)
    return 0 if explanation.holds else 1


def _list(explanations: Iterator[Explanation], as_json: bool) -> int:
    """Print many explanations: one JSON object a line, or one row of a table each."""
    table = PlainTable(*_COLUMNS, whole=range(5), right={2, 4}, spare=_SPARE)
    count = differing = 0
    for explanation in explanations:
        count, differing = count + 1, differing + (not explanation.holds)
        if as_json:
            print_json(explanation.as_json(), one_line=True)
        else:
            table.add_row(*_row(explanation))
    if not as_json:
        console = SafeConsole()
        console.print(table)
        reproduced = f"{differing:,} were not reproduced" if differing else "All were reproduced exactly"
        console.print(f"\n{count:,} predictions explained. {reproduced}.", highlight=False)
    return 1 if differing else 0


def _row(explanation: Explanation) -> Iterator[str]:
    from ml_platform.audit.explain.wording import amount, shown

    answer, contributions = explanation.answer, explanation.main_contributions
    largest = contributions.terms[0] if contributions and contributions.terms else None
    yield explanation.prediction_id
    yield str(explanation.version.number or "")
    yield ", ".join(shown(value) for value in answer.scores.values())
    yield answer.action or ""
    yield cents_text(answer.expected_value, answer.currency) if answer.action else ""
    yield shown(explanation.outcome.label) if explanation.outcome.status == "settled" else explanation.outcome.status
    yield f"{largest.column} {amount(largest.amount)}" if largest else ""
    yield "reproduced" if explanation.holds else "differs"


def _write_page(explanations: Iterator[Explanation], ids: Sequence[str], html: Path, as_json: bool) -> int:
    from ml_platform.audit.explain.render_html import write_page

    if len(ids) != 1:
        raise UsageError("--html writes a page about one prediction. Give one id.")
    explanation = next(explanations)
    page = write_page(explanation, html)
    id, holds = explanation.prediction_id, explanation.holds
    if as_json:
        print_json({"prediction_id": id, "page": str(page), "holds": holds})
    else:
        print(f"{id} is explained. Open {page.as_uri()}")
    return 0 if holds else 1


def show_champion(directory: Path, model: str, at: str | None, as_json: bool) -> None:
    """Print which version of a model was in production at an instant, and why."""
    from ml_platform.audit.explain.champion_history import known_models, print_production, production_at
    from ml_platform.core.plain_values import json_value

    project = open_project(directory)
    known = known_models(project)
    if model not in known:
        raise UnknownModel(model, known)
    production = production_at(project, model, read_instant(at, "--at") if at is not None else project.clock.now())
    if as_json:
        print_json(json_value(asdict(production)))
    else:
        print_production(production, SafeConsole())
