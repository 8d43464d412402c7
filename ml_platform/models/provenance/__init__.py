"""Provenance: what took part in a training beside its snapshot, kept in the trained model's manifest."""

from ml_platform.models.provenance.declared import DECLARED, declared_files, keep_declared
from ml_platform.models.provenance.record import equipment, provenance

__all__ = ["DECLARED", "declared_files", "equipment", "keep_declared", "provenance"]
