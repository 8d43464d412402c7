"""One YAML file: its plain values, and where each of them is."""

from __future__ import annotations

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ml_platform.core.errors import Fault, FaultKind
from ml_platform.declarations.yaml.nodes import (
    MAX_KEY,
    MAX_NODES,
    UnreadableYaml,
    YamlNode,
    compose,
    pairs,
    plain_value,
)

MAX_BYTES = 512 * 1024
_MAX_MESSAGE = 2000
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_LONG_WORD = re.compile(r"\S{200,}")

Path = Sequence[str | int]


@dataclass(frozen=True)
class Document:
    """A YAML file as plain values (mappings with text keys, lists, text, numbers, booleans, null).

    Timestamps stay text, so that their type decides how they are read. `faults` holds what YAML itself forbids
    (syntax, duplicate keys, unknown tags); `value` is None where the text cannot be read at all.
    """

    file: str
    value: Any
    faults: tuple[Fault, ...]
    root: YamlNode | None = None

    def fault(
        self,
        path: Path,
        message: str,
        *,
        at_key: bool = False,
        offset: int = 0,
        kind: FaultKind = FaultKind.VALUE,
    ) -> Fault:
        """Return a fault at the value under `path`, or at its key; a mapping's fault is always at its key.

        Parts of the path that do not exist (a missing key) are skipped. `offset` counts characters inside a text.
        """
        line, column = self._position(path, at_key, offset)
        return Fault(self.file, line, column, _bounded(message), kind)

    def line(self, path: Path) -> int:
        """Return the 1-based line of the key under `path`."""
        return self._position(path, at_key=True)[0]

    def at(self, path: Path) -> Any:
        """Return the value under `path`; parts that do not exist are skipped."""
        value = self.value
        for part in path:
            if holds(value, part):
                value = value[part]
        return value

    def _position(self, path: Path, at_key: bool = False, offset: int = 0) -> tuple[int, int]:
        key, node = None, self.root
        for part in path:
            key, node = next(_children(node, part), (key, node))
        if node is None or node is self.root:
            return 1, 1
        if key is not None and (at_key or node.kind == "mapping" or node.value == ""):
            node, offset = key, 0
        return node.start.line + 1, node.start.column + 1 + _inside(node, offset)


def _bounded(message: str) -> str:
    """Return a message in one line that people can read: signs that move or hide text are written as escapes."""
    plain = _UNPRINTABLE.sub(lambda match: ascii(match.group())[1:-1], message)
    words = _LONG_WORD.sub(lambda match: f"{match.group()[:60]}...", plain)
    return words if len(words) <= _MAX_MESSAGE else f"{words[: _MAX_MESSAGE // 2]} ... {words[-_MAX_MESSAGE // 2 :]}"


def holds(value: Any, part: str | int) -> bool:
    """Return whether a plain value has this key or index."""
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _inside(node: YamlNode, offset: int) -> int:
    """Return how far right of a text's start its character `offset` is; 0 where it may be on another line."""
    if offset == 0 or not isinstance(node.value, str) or node.start.line != node.end.line:
        return 0
    return offset + (1 if node.style in ("'", '"') else 0)


def _children(node: YamlNode | None, part: str | int) -> Iterator[tuple[YamlNode | None, YamlNode]]:
    if node is not None and node.kind == "mapping":
        yield from [node.members[str(part)]] if str(part) in node.members else []
    elif node is not None and node.kind == "sequence" and isinstance(part, int) and part < len(node.value):
        yield None, node.value[part]


def read_document(file: str, content: bytes) -> Document:
    """Read one YAML 1.2 file; what is wrong with it is in the document's faults."""
    if len(content) > MAX_BYTES:
        message = f"has more than {MAX_BYTES // 1024} kB. Divide the declaration."
        return Document(file, None, (Fault(file, 1, 1, message, FaultKind.SYNTAX),))
    try:
        root = compose(content.decode("utf-8-sig"))
        reader = _Reader(file)
        value = reader.value(root) if root is not None else None
    except UnicodeDecodeError as error:
        return Document(file, None, (_not_utf8(file, content, error),))
    except UnreadableYaml as error:
        mark = error.mark
        fault = Fault(file, mark.line + 1, mark.column + 1, f"{error.problem}.", FaultKind.SYNTAX)
        return Document(file, None, (fault,))
    return Document(file, value, tuple(reader.faults), root)


def _not_utf8(file: str, content: bytes, error: UnicodeDecodeError) -> Fault:
    before = content[: error.start]
    line, column = before.count(b"\n") + 1, error.start - before.rfind(b"\n")
    written = (
        "it is UTF-16" if content[:2] in (BOM_UTF16_LE, BOM_UTF16_BE) else f"found the byte {content[error.start]:02X}"
    )
    return Fault(file, line, column, f"is not UTF-8 text: {written}. Save the file as UTF-8.", FaultKind.SYNTAX)


class _Reader:
    """Turns nodes into plain values and collects faults on the way."""

    def __init__(self, file: str) -> None:
        self.file, self.faults = file, list[Fault]()
        self._values = 0

    def value(self, node: YamlNode) -> Any:
        self._values += 1  # an alias is read as often as it occurs
        if self._values > MAX_NODES:
            problem = f"aliases expand to more than {MAX_NODES:,} values. Write the values out"
            raise UnreadableYaml(node.start, problem)
        if node.kind == "mapping":
            return self._mapping(node)
        if node.kind == "sequence":
            return [self.value(item) for item in node.value]
        if node.kind == "text":
            return node.value
        if node.kind == "plain":
            return self._plain(node)
        self._fault(node, f"the tag {node.tag} is not understood. Write a plain value")
        return None

    def _mapping(self, node: YamlNode) -> dict[str, Any]:
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, item in pairs(node):
            name = key.value
            if key.kind not in ("text", "plain"):
                self._fault(key, "a key must be text. Write a name before the colon")
            elif len(name) > MAX_KEY:
                self._fault(key, f"this key has {len(name):,} characters; at most {MAX_KEY} are read. Shorten it")
            elif name == "<<" and key.kind == "plain":
                self._fault(key, "merge keys (<<) are not understood. Write the keys out")
            elif name in values:
                self._fault(key, f"the key {name} is declared twice: first in line {lines[name]}. Remove one")
            else:
                values[name], lines[name] = self.value(item), key.start.line + 1
        return values

    def _plain(self, node: YamlNode) -> Any:
        try:
            return plain_value(node.value)
        except ValueError as error:
            self._fault(node, f"{node.value[:40]!r}: {error}. Write a smaller number, or put text in quotes")
            return None

    def _fault(self, node: YamlNode, message: str) -> None:
        line, column = node.start.line + 1, node.start.column + 1
        self.faults.append(Fault(self.file, line, column, f"{message}.", FaultKind.SYNTAX))
