"""What fits and predicts, whatever the algorithm: the contract, scikit-learn's common part, classes of a project.

The algorithms themselves are in `ml_platform.models.algorithms`, one file each.
"""

__all__ = ["base", "extras", "registry", "scikit_learn"]
