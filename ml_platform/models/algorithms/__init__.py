"""One file for each algorithm, or for a few of one family: what a declaration may set, and how it fits and predicts.

A new algorithm is a new file here, and nothing else: `ml_platform.declarations.algorithms` finds it. An installed
package adds one by an entry point of the group ``ml_platform.algorithms``. These files are imported to check a
declaration, so none of them imports an estimator library, NumPy or pandas at its top.
"""

from ml_platform.models.estimators.base import Estimator

__all__ = ["Estimator"]
