"""Ablations: a model without each part of its inputs, and what that earns less."""

__all__ = ["ablation", "parts"]
