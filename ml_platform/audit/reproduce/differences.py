"""What took part in a training and is different now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ml_platform.core.hashing import bytes_hash

_MACHINE = ("architecture", "cpu_class", "cpu", "blas", "libc", "system")
_NOTHING = "not there"


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it was.

    Attributes
    ----------
    what
        Such as ``package lightgbm``, ``machine cpu_class``, ``file transforms/calendar.py``.
    """

    what: str
    then: str
    now: str

    def __str__(self) -> str:
        return f"{self.what}: was {self.then}, is {self.now}"


def differences(
    recorded: Mapping[str, Any], present: Mapping[str, Any], libraries: Mapping[str, str]
) -> list[Difference]:
    """Return what differs between two records of provenance, the likeliest causes first.

    Parameters
    ----------
    libraries
        The libraries that a fit runs through, by name; other packages come last.
    """
    fitting = {name.replace("_", "-") for name in libraries}
    packages = list(_changed("package", recorded["packages"], present["packages"]))
    machine = _changed("machine", _machine_text(recorded["machine"]), _machine_text(present["machine"]))
    code = {"then": {"code": recorded["platform"][:12]}, "now": {"code": present["platform"][:12]}}
    return [
        *(item for item in packages if item.what.removeprefix("package ") in fitting),
        *machine,
        *_changed("ml_platform's own", code["then"], code["now"]),
        *_changed("threads", {"of a fit": str(recorded["threads"])}, {"of a fit": str(present["threads"])}),
        *(item for item in packages if item.what.removeprefix("package ") not in fitting),
    ]


def changed_files(then: Mapping[str, bytes], now: Mapping[str, bytes]) -> list[Difference]:
    """Return the declared files that are not as they were, by path."""
    return list(_changed("file", _hashes(then), _hashes(now)))


def _changed(kind: str, then: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted({*then, *now}):
        was, value = then.get(name, _NOTHING), now.get(name, _NOTHING)
        if was != value:
            yield Difference(f"{kind} {name}", was, value)


def _machine_text(machine: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: ", ".join(machine[name]) if isinstance(machine[name], list) else str(machine[name])
        for name in _MACHINE
        if name in machine
    }


def _hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {path: f"sha256 {bytes_hash(content)[:12]}" for path, content in files.items()}
