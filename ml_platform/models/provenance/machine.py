"""The machine that a fit ran on, as far as its last bits can depend on it."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

_CPU_FACTS = Path("/proc/cpuinfo")
_LEVELS: dict[str, frozenset[str]] = {
    "x86-64-v2": frozenset({"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"}),
    "x86-64-v3": frozenset({"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}),
    "x86-64-v4": frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
}
"""What each class of processor adds to the one below (the x86-64 psABI, section 3.1.1)."""


def machine() -> dict[str, Any]:
    """Return the class of processor, the C library and the kernels of linear algebra.

    Two machines on which all of it agrees are the same kind: a fit gives the same bits on both.
    """
    facts = _cpu_facts()
    return {
        "architecture": platform.machine(),
        "system": platform.system(),
        "cpu": facts.get("model name") or platform.processor() or "unknown",
        "cpu_class": _cpu_class(frozenset(facts.get("flags", "").split())),
        "cores": os.cpu_count(),
        "libc": " ".join(platform.libc_ver()).strip() or "unknown",
        "blas": _blas(),
    }


def _cpu_facts() -> dict[str, str]:
    try:
        lines = _CPU_FACTS.read_text().partition("\n\n")[0].splitlines()
    except OSError:
        return {}
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _cpu_class(flags: frozenset[str]) -> str:
    if platform.machine() != "x86_64":
        return platform.machine()
    reached = "x86-64"
    for level, added in _LEVELS.items():
        if not added <= flags:
            return reached
        reached = level
    return reached


def _blas() -> list[str]:
    """Return each loaded library of linear algebra with its version and the kernels that it chose."""
    import scipy.linalg  # noqa: F401  (NumPy and SciPy bring a library each, which is listed once it is loaded)
    from threadpoolctl import threadpool_info

    libraries = [item for item in threadpool_info() if item["user_api"] == "blas"]
    return sorted(
        {f"{item['internal_api']} {item['version']} {item.get('architecture', '')}".strip() for item in libraries}
    )
