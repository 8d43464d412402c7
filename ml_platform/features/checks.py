"""Checks of a feature table: its expectations, evaluated on its newest values, once for each state of the table.

What could be read at a tick never changes later, so that only new ticks can change the result.
"""

from __future__ import annotations

from dataclasses import asdict

from ml_platform.core.frames import exact_frame
from ml_platform.core.hashing import cache_key
from ml_platform.features.sample import newest_values
from ml_platform.project import Project
from ml_platform.sources.checks.results import CheckResult
from ml_platform.storage.artifact_kinds.checks import ChecksManifest, HeldResult

KIND = "checks"


def check_feature_table(project: Project, name: str, id: str) -> tuple[CheckResult, ...]:
    """Return the results of a feature table's expectations; what was found for the same state is not sought again.

    Parameters
    ----------
    id
        The feature table's artifact.
    """
    spec = project.spec.feature_tables[name]
    if not spec.expectations:
        return ()
    declared = [expectation.model_dump(mode="json") for expectation in spec.expectations]
    key = cache_key(KIND, declared, "1", {"feature_table": id})
    checks = project.store.find(KIND, key)
    if checks is None:
        results = _run(project, name, id)
        manifest = ChecksManifest(results=tuple(HeldResult(**asdict(result)) for result in results))
        checks = project.store.add(manifest, key, inputs={"feature_table": id})
    return tuple(CheckResult(**dict(result)) for result in ChecksManifest.of(checks).results)


def _run(project: Project, name: str, id: str) -> tuple[CheckResult, ...]:
    from ml_platform.sources.checks.run import run_expectations

    spec = project.spec.feature_tables[name]
    key = project.spec.file.entities[spec.entity]
    return run_expectations(spec.expectations, exact_frame(newest_values(project, name, id)), key)
