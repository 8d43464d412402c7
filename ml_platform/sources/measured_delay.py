"""How long after their event a source's rows really became known, read off its log."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from ml_platform.core.clock import from_micros, to_micros
from ml_platform.project import Project
from ml_platform.sources.source_log import EVENT, KNOWN, source_versions

_SHARE = 0.99
_LATELY = timedelta(days=30)


def measured_delay(project: Project, source: str, source_id: str) -> timedelta:
    """Return within which delay 99 of 100 rows became known, over the last thirty days of the log.

    A corrected row counts as it was known first.

    Parameters
    ----------
    source_id
        The source's artifact.
    """
    spec, artifact = project.spec.sources[source], project.store.get("source", source_id)
    with project.engine() as engine:
        rows = source_versions(engine, project.store, artifact, spec.key, "delayed_rows")
        first = rows.group_by(list(spec.key)).aggregate(**{KNOWN: rows[KNOWN].min(), EVENT: rows[EVENT].min()})
        newest = int(engine.run(first.aggregate(newest=first[KNOWN].max()))["newest"][0].as_py())
        lately = first.filter(first[KNOWN] > to_micros(from_micros(newest) - _LATELY))
        counted = engine.run(lately.select(delay=lately[KNOWN] - lately[EVENT]))
    delays = counted["delay"].to_numpy()
    return timedelta(microseconds=int(np.quantile(delays, _SHARE, method="inverted_cdf")))
