"""Backtests: a model is trained at several past origins, and each is judged on the time after its origin."""

__all__ = ["backtest", "origins"]
