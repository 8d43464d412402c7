"""Estimators and the fitting of models."""

__all__ = [
    "algorithms",
    "bundled_code",
    "calibrators",
    "decision",
    "environment",
    "estimators",
    "inputs",
    "predictor",
    "prepare",
    "provenance",
    "train",
    "trial",
]
