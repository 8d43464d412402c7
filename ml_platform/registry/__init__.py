"""Versions of models: evaluation, approval, and which one is champion."""

__all__ = [
    "ablation",
    "approvals",
    "backtest",
    "champion",
    "deploy",
    "evaluation",
    "measured_gates",
    "measures",
    "parity_gate",
    "resolve",
    "rollback",
    "rollout",
    "studied",
]
