"""Whether the libraries that a version was trained with are those of the process that deploys it."""

from __future__ import annotations

from ml_platform.models.environment import environment
from ml_platform.registry.measures.measure import Candidate, Measured


def environment_differences(candidate: Candidate) -> Measured:
    """Return how many libraries are of another release here than in training, and name them.

    Counted are those that the predictor needs, Python and the machine's architecture. Of a version the first two
    numbers are compared: 1.9.1 answers as 1.9.0.
    """
    here = environment(candidate.project.spec.models[candidate.model])
    then = candidate.trained.environment
    differing = [
        f"{name.replace('_', '-')} {then.get(name, 'none')} in training, {here.get(name, 'none')} here"
        for name in sorted({*then, *here})
        if _release(then.get(name)) != _release(here.get(name))
    ]
    return Measured(float(len(differing)), ", ".join(differing) or None)


def _release(version: str | None) -> list[str] | None:
    """Return the first two numbers of a version.

    >>> _release("1.9.1") == _release("1.9.0"), _release("4.7.0") == _release("4.6.0")
    (True, False)
    """
    return None if version is None else version.split(".")[:2]
