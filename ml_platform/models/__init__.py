"""From a snapshot to a trained model: inputs, estimators, calibration, and decisions in money."""

__all__ = [
    "algorithms",
    "bundled_code",
    "calibrators",
    "capacity",
    "choose",
    "control",
    "decision",
    "dependence",
    "environment",
    "estimators",
    "export",
    "fit_inputs",
    "inputs",
    "predictor",
    "prepare",
    "provenance",
    "row_form",
    "train",
    "trial",
    "tuning",
]
