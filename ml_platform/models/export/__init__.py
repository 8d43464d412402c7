"""Trained models in formats of other tools: one file for each format. A new one is a new file here.

An installed package adds one by an entry point of the group ``ml_platform.export_formats``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache

from ml_platform.core.variants import find_variants
from ml_platform.models.export.export_format import ExportFormat, Loss

__all__ = ["ExportFormat", "Loss", "export_formats", "exported", "mlflow"]


@cache
def export_formats() -> Mapping[str, type[ExportFormat]]:
    """Return every format by its name.

    Raises
    ------
    VariantFault
        Where an installed package adds one that cannot be used.

    >>> sorted(export_formats())
    ['lightgbm', 'mlflow', 'onnx']
    """
    return find_variants(sys.modules[__name__], ExportFormat, "ml_platform.export_formats")
