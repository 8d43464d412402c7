"""What a declaration may configure of calibration, and which calibrator it names.

Each calibrator is one class in one file, in `ml_platform.models.calibrators` or in an installed package: its name, its
tasks, and how it is fitted and applied. This module finds the class for a declaration. Those files import no NumPy at
their top, so that a declaration is checked without it.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from ml_platform.core.errors import suggest
from ml_platform.core.variants import find_variants
from ml_platform.declarations.yaml.pydantic_errors import either, show

GROUP = "ml_platform.calibrators"
"""The group of entry points by which an installed package adds calibrators."""
NO_CALIBRATION = "none"
"""The value in a declaration where scores stay as they are."""
CHOOSE_CALIBRATION = "choose"
"""The value in a declaration where the validate period decides."""
_PACKAGE = "ml_platform.models.calibrators"
"""The platform's own. Its name is kept here, as a class that fits is in a room above this one (decision 31)."""


class CalibratorKind(ABC):
    """What a declaration may configure of one calibrator.

    Attributes
    ----------
    name
        The name in YAML and in manifests.
    tasks
        The tasks whose scores it calibrates.
    libraries
        Distributions whose versions decide the fitted state, beside those that the platform always has.
    """

    name: ClassVar[str]
    tasks: ClassVar[frozenset[str]] = frozenset({"binary", "multiclass"})
    libraries: ClassVar[tuple[str, ...]] = ()


@cache
def calibrators() -> Mapping[str, type[CalibratorKind]]:
    """Return every calibrator by its name: those of the platform first, then those of installed packages.

    Raises
    ------
    VariantFault
        Where an installed package adds one that cannot be used.

    >>> list(calibrators())
    ['beta', 'isotonic', 'sigmoid', 'venn_abers']
    """
    package = import_module(_PACKAGE)
    return find_variants(package, package.Calibrator, GROUP)


def calibration_fault(name: str, task: str) -> str | None:
    """Return why a task's scores cannot be calibrated as declared, or None."""
    if name == NO_CALIBRATION or task in _tasks_of(name):
        return None
    able = sorted({supported for kind in calibrators().values() for supported in kind.tasks})
    if task not in able:
        return f"calibration belongs to classes, found task {task}. Remove calibration"
    return f"calibration {name} cannot do {task}. Take another, or remove calibration"


def calibration_libraries(name: str) -> frozenset[str]:
    """Return the distributions that a declared calibration depends on, beside those that the platform always has."""
    return frozenset(library for kind in _named(name) for library in kind.libraries)


def _tasks_of(name: str) -> frozenset[str]:
    return frozenset(task for kind in _named(name) for task in kind.tasks)


def _named(name: str) -> list[type[CalibratorKind]]:
    """Return the calibrators that may be fitted."""
    if name == CHOOSE_CALIBRATION:
        return list(calibrators().values())
    return [] if name == NO_CALIBRATION else [calibrators()[name]]


def _known(name: str) -> str:
    names = [NO_CALIBRATION, CHOOSE_CALIBRATION, *sorted(calibrators())]
    if name not in names:
        raise ValueError(f"must be {either(names)}, found {show(name)}. {suggest(name, names)}")
    return name


def _with_names(schema: dict[str, Any]) -> None:
    schema["enum"] = [NO_CALIBRATION, CHOOSE_CALIBRATION, *sorted(calibrators())]


CalibrationName = Annotated[str, AfterValidator(_known), Field(json_schema_extra=_with_names)]
