"""The command that promotes an experiment."""

from __future__ import annotations

from pathlib import Path

from ml_platform.cli.json_output import print_json
from ml_platform.core.formatting import counted
from ml_platform.core.terminal_table import line
from ml_platform.core.terminal_text import SafeConsole
from ml_platform.operations.experiments.listing import experiment_named
from ml_platform.operations.experiments.promotion import Promotion, carry_out, plan_promotion
from ml_platform.project import open_project


def promote(directory: Path, name: str, write: bool, as_json: bool) -> None:
    """Print what an experiment changes in the project, and what the next run does; with `write`, make the change."""
    project = open_project(directory)
    promotion = plan_promotion(project, experiment_named(project, name))
    if write:
        carry_out(project, promotion)
    if as_json:
        print_json(_document(promotion, write))
        return
    console = SafeConsole()
    for change in promotion.files:
        console.print(change.diff, style="" if write else "dim", markup=False, highlight=False, soft_wrap=True, end="")
    if not promotion.files:
        print("The declarations of the project are those of the experiment already.")
    console.print()
    for model in promotion.models:
        what = "taken over, the next run trains nothing" if model.taken_over else "trained by the next run"
        console.print(line(f"{model.model}: {what}: {model.reason}.", "bold" if model.taken_over else ""))
    files = counted(len(promotion.files), "file")
    if write:
        console.print(f"Wrote {files}. Look at it with ml-platform plan, then run the project.")
    else:
        console.print(f"Nothing is written yet. Write {files} with --write, or apply the diff above by hand.")


def _document(promotion: Promotion, written: bool) -> dict[str, object]:
    models = [{"model": item.model, "taken_over": item.taken_over, "reason": item.reason} for item in promotion.models]
    files = [{"path": change.path, "diff": change.diff} for change in promotion.files]
    return {"experiment": promotion.experiment.name, "written": written, "files": files, "models": models}
