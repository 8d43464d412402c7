"""One module for each kind of estimator."""

__all__ = ["base", "constant", "lightgbm", "registry", "rule", "sklearn"]
