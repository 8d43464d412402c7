"""What each command prints with ``--json``: the fields of its document beside ``format_version``."""

from __future__ import annotations

from collections.abc import Mapping

FIELDS: Mapping[str, str] = {
    "init": "directory example next; with --from: directory key time predict template excluded group daily start until "
    "train validate test renamed next",
    "validate": "valid project sources feature_tables models faults notes ages",
    "doctor": "ok checks",
    "error": "errors",
    "reference": "files",
    "graph": "nodes",
    "plan": "project now nodes would_run_seconds may_run_seconds never_made_before changes; with --evaluate: "
    "evaluated; with --data: models",
    "run": "project now runs",
    "up": "project dagster mlflow pages needs_token",
    "serve": "project address workers models sources",
    "advance": "project now runs",
    "status": "project now currency sources feature_tables models alerts mlflow_waiting clock online_store overview",
    "drift": "models",
    "alerts": "alerts",
    "digest": "title text sent",
    "open": "address served",
    "quarantine": "sources",
    "preview": "table reused sampled columns newest history; of a model: model formula start end questions states "
    "excluded label newest",
    "predict": "version rows predictions; with --to: version rows earlier file; with --to-table: version rows earlier "
    "table",
    "predictions": "predictions",
    "approve": "version decision actor ledger_line champion",
    "site": "project page facts sources feature_tables features models",
    "compare": (
        "verdict sureness first second snapshot unit rows start end declared metrics gains difference beside simpler "
        "simplest days changed actions rows_shown notes page; "
        "with --against: model unit against runs keys measures notes page"
    ),
    "experiment": "state folder name by at seconds project models steps ingested network not_confined problem",
    "experiments": "experiments; with --remove: removed bytes; with --mlflow: name mlflow models",
    "backtest": "snapshot verdict model task currency every_days fitted_days declared_days seeds rows days gain "
    "origins ages schedules notes environment page",
    "ablation": "snapshot verdict model task currency rows days rows_a_day start end gain parts notes "
    "environment lines page",
    "promote": "experiment written files models",
    "card": "model version page health worth",
    "explain": "prediction_id model description key prediction_time effective_time scored_at answer inputs through "
    "population asked_by contributions version made rescored from_features outcome what_if problems holds; "
    "with --html: prediction_id page holds",
    "champion": "model at deployment version first problem declared",
    "rollback": "champion from_version actor ledger_line",
    "parity": "version agrees model days logged requests drawn without_history differing by_column late late_by_table "
    "greatest_lag erased differences",
    "reproduce": "version trained_model snapshot_id commit fitted snapshot differences files today agreement tolerance "
    "erased seed seed_matters same statement",
    "export": "version trained_model format folder files columns classes without parity",
    "snapshots": "snapshots",
    "snapshot show": "id key model as_of boundaries rows dropped negatives columns nulls label days chunks declared "
    "code inputs erased",
    "snapshot diff": "first second stretches purged facts columns_added columns_gone columns_retyped days moved",
    "verify": "whole checked damage_counts unused_objects unknown_files leftover_files unfinished damages",
    "gc": "plan goes stays set_aside final back unfinished done",
    "erase": "plan entity key_hash replaced removed marks objects elsewhere files records online done; with --lift: "
    "lifted",
}
"""By command. A semicolon begins the fields that the command has with the option that is named."""

EXIT_CODES = """## Exit codes

| code | meaning |
|---|---|
| 0 | The command did what it was asked. |
| 1 | It failed, and stderr has the message and the error code. Or it found what it looks for: \
`validate` a fault, `doctor` a failed check, `verify` damage, `explain`, `reproduce` and `parity` a difference. |
| 2 | The command line has an unknown option, or lacks an argument. |
| 130 | It was stopped with Ctrl-C, or its input ended at a question. Finished steps are kept. |"""

OUTPUT = """## Output for machines

With `--json` a command prints one JSON object on stdout and its progress on stderr. `schema` needs no such option: \
it prints JSON Schemas. `up` and `serve` print their object as one line once the servers answer, and serve until they \
are stopped: a program that started them waits for that line. \
`explain` of several predictions prints one object a line.

`format_version` is 1 in every object. It is raised where a field is removed, renamed or changes its meaning; \
new fields may be added at any time. The fields of each command are listed with it above.

A command that fails prints `{"format_version": 1, "error": {"code": ..., "message": ..., "faults": [...]}}`: \
`code` is the error code, and `faults` lists the faults of declarations."""


def fields_text(command: str) -> str:
    """Return the sentences about the fields of a command's document; empty where it has none."""
    parts = [part.strip().rpartition(": ") for part in FIELDS.get(command, "").split(";")]
    return (
        " ".join(
            f"Fields {f'{option} and `--json`' if option else 'with `--json`'}: "
            f"{', '.join(f'`{field}`' for field in fields.split())}."
            for option, _, fields in parts
            if fields
        )
        .replace("with --", "with `--")
        .replace(" and `--json`", "` and `--json`")
    )


def fields_of(command: str) -> list[set[str]]:
    """Return the fields that a command's document may have: one set for each form."""
    return [{*part.rpartition(": ")[2].split()} for part in FIELDS[command].split(";")]
