"""The kinds of faults in declarations, each with its code, cause and cure. A code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ml_platform.core.errors.codes import CODES
from ml_platform.core.errors.error_code import ErrorCode


class FaultKind(StrEnum):
    """What is wrong with a declaration; the value is the code that is printed with the fault."""

    SYNTAX = "E-YAML-001"
    PLACE = "E-YAML-002"
    UNKNOWN_KEY = "E-KEY-001"
    MISSING_KEY = "E-KEY-002"
    NEEDLESS_KEY = "E-KEY-003"
    VALUE = "E-VALUE-001"
    MISMATCH = "E-VALUE-002"
    UNKNOWN_NAME = "E-NAME-001"
    TAKEN_NAME = "E-NAME-002"
    EXPRESSION = "E-EXPRESSION-001"
    TYPE = "E-TYPE-001"
    CODE = "E-CODE-001"
    TRIAL = "E-CODE-003"
    QUERY = "E-QUERY-001"
    CYCLE = "E-DECLARATION-002"
    SECRET = "E-SECRET-001"
    ENVIRONMENT = "E-SECRET-002"
    KNOWN_LATE = "E-KNOWN-AT-002"
    LEAK = "E-LEAK-002"


def _code(kind: FaultKind, cause: str, cure: str) -> tuple[FaultKind, ErrorCode]:
    return kind, ErrorCode(kind.value, cause, cure)


FAULT_CODES: Mapping[FaultKind, ErrorCode] = dict(
    (
        _code(
            FaultKind.SYNTAX,
            "A file is not YAML as it is read: a wrong indent, a missing quote, a key declared twice, or no mapping.",
            "Correct the line that the message names. Put texts that contain `: ` or ` #` in quotes.",
        ),
        _code(
            FaultKind.PLACE,
            "A file or folder cannot be read as a declaration where it is, or its name is not the declared one.",
            "Put declarations directly into `sources/`, `features/` or `models/`, as NAME.yaml.",
        ),
        _code(
            FaultKind.UNKNOWN_KEY,
            "A declaration has a key that does not exist there.",
            "Write the key that the message suggests. The reference lists all keys.",
        ),
        _code(
            FaultKind.MISSING_KEY,
            "A declaration lacks a key that it must have.",
            "Add the key; the message shows an example.",
        ),
        _code(
            FaultKind.NEEDLESS_KEY,
            "A key has no effect together with the other keys, or belongs to another kind of declaration.",
            "Remove the key, or declare what the message names.",
        ),
        _code(
            FaultKind.VALUE,
            "A value has a wrong type, is outside its limits, or is not one of the allowed values.",
            "Write a value as the message describes. The reference has an example for each key.",
        ),
        _code(
            FaultKind.MISMATCH,
            "Each value is allowed by itself, but two of them contradict each other.",
            "Change one of the two that the message names.",
        ),
        _code(
            FaultKind.UNKNOWN_NAME,
            "A declaration names a source, feature table, model, entity, column or feature that does not exist.",
            "Correct the name; the message suggests a close one. Or declare what is missing.",
        ),
        _code(
            FaultKind.TAKEN_NAME,
            "A name is used twice, is reserved by the platform, or could mean two things.",
            "Rename one of the two.",
        ),
        _code(
            FaultKind.TYPE,
            "A column, feature or label has a type that cannot be used there.",
            "Declare another type, name another column, or convert it in an expression or transform.",
        ),
        _code(
            FaultKind.TRIAL,
            "An estimator or algorithm of the project fails when it is fitted on made-up rows.",
            "Correct the class, its parameters or its options. `docs/guides/extend.md` describes the contract.",
        ),
        _code(
            FaultKind.QUERY,
            "The query of a derived source uses SQL that has no meaning for rows one by one, or cannot be read.",
            "Write one select with joins on equality. Aggregates belong into feature tables.",
        ),
        _code(
            FaultKind.SECRET,
            "A password, token or key is written in a declaration.",
            "Write `${NAME}` in `project.yaml`, set the environment variable, and change the password.",
        ),
        _code(
            FaultKind.ENVIRONMENT,
            "An environment variable that a declaration names is not set, or is named outside `project.yaml`.",
            "Set it before the command, or move the reference into `project.yaml`.",
        ),
        _code(
            FaultKind.KNOWN_LATE,
            "Rows, features or labels are known later than the model needs them.",
            "Move `prediction_time`, `horizon` or `max_feature_age`, or correct `known_at` of the source.",
        ),
        _code(
            FaultKind.LEAK,
            "A feature contains the label, as its declaration shows.",
            "Remove the feature. If it is legitimate, list it in `leakage.allow`.",
        ),
    )
)
"""The kinds that no error class has; the others have the code of their class."""

ALL_CODES: Mapping[str, tuple[ErrorCode, str]] = {
    **{item.code: (item, name) for name, item in CODES.items()},
    **{item.code: (item, "DeclarationError") for item in FAULT_CODES.values()},
}
"""Every code, with its cause and cure, and the name of the class of the error."""
