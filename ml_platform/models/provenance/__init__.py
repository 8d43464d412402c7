"""Provenance: what took part in a training beside its snapshot, kept in the trained model's manifest."""

from ml_platform.models.provenance.declared import DECLARED, declared_files, keep_declared
from ml_platform.models.provenance.record import equipment, provenance
from ml_platform.models.provenance.recorded_project import kept_files, kept_spec
from ml_platform.models.provenance.repository import commit_of

__all__ = [
    "DECLARED",
    "commit_of",
    "declared_files",
    "equipment",
    "keep_declared",
    "kept_files",
    "kept_spec",
    "provenance",
]
