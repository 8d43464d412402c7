"""The calibrators: one file for each. A new one is a new file here: `ml_platform.declarations.calibrators` finds it.

An installed package adds one by an entry point of the group ``ml_platform.calibrators``. These files are imported to
check a declaration, so none of them imports NumPy, SciPy or scikit-learn at its top.
"""

from ml_platform.models.calibrators.base import Calibrator

__all__ = ["Calibrator"]
