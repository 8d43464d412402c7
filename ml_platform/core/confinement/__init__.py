"""Confinement of this process by the kernel: it can write in a few folders only, and cannot undo that."""

from ml_platform.core.confinement.confine import confine, why_not

__all__ = ["confine", "why_not"]
