"""One YAML file: its plain values, and where each of them stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from ml_platform.errors import Fault

_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = {f"{_TAG}str", f"{_TAG}timestamp", f"{_TAG}value"}

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
    root: Node | None = None

    def fault(self, path: Path, message: str, *, at_key: bool = False, offset: int = 0) -> Fault:
        """Return a fault at the value under `path`, or at its key; a mapping's fault always stands at its key.

        Parts of the path that do not exist (a missing key, say) are skipped. `offset` counts characters inside a text.
        """
        line, column = self._position(path, at_key, offset)
        return Fault(self.file, line, column, message)

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
        if key is not None and (at_key or isinstance(node, MappingNode) or node.value == ""):
            node, offset = key, 0
        return node.start_mark.line + 1, node.start_mark.column + 1 + _inside(node, offset)


def holds(value: Any, part: str | int) -> bool:
    """Return whether a plain value has this key or index."""
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _inside(node: Node, offset: int) -> int:
    """Return how far right of a text's start its character `offset` stands; 0 where it may be on another line."""
    if offset == 0 or not isinstance(node, ScalarNode) or node.start_mark.line != node.end_mark.line:
        return 0
    return offset + (1 if node.style in ("'", '"') else 0)


def _children(node: Node | None, part: str | int) -> Iterator[tuple[Node | None, Node]]:
    if isinstance(node, MappingNode):
        yield from ((key, value) for key, value in node.value if key.value == str(part))
    elif isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        yield None, node.value[part]


def read_document(file: str, content: bytes) -> Document:
    """Read one YAML 1.2 file; what is wrong with it is in the document's faults."""
    try:
        text = content.decode("utf-8-sig")
        root = YAML(typ="safe", pure=True).compose(text)
    except UnicodeDecodeError as error:
        return Document(file, None, (Fault(file, 1, 1, f"is not UTF-8 text: {error.reason}. Save it as UTF-8."),))
    except ReaderError as error:
        return Document(file, None, (_character_fault(file, text, error.position),))
    except MarkedYAMLError as error:
        return Document(file, None, (_syntax_fault(file, error),))
    reader = _Reader(file)
    value = reader.value(root) if root is not None else None
    return Document(file, value, tuple(reader.faults), root)


def _character_fault(file: str, text: str, position: int) -> Fault:
    before = text[:position]
    line, column = before.count("\n") + 1, position - before.rfind("\n")
    return Fault(file, line, column, f"the character U+{ord(text[position]):04X} is not allowed in YAML. Remove it.")


def _syntax_fault(file: str, error: MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    said = " ".join(str(part) for part in (error.context, error.problem) if part)
    return Fault(file, line, column, f"is not YAML: {said}. Correct the text here.")


class _Reader:
    """Turns nodes into plain values and collects faults on the way."""

    def __init__(self, file: str) -> None:
        self.file, self.faults = file, list[Fault]()
        self._scalars = YAML(typ="safe", pure=True).constructor
        self._open: list[int] = []

    def value(self, node: Node) -> Any:
        if id(node) in self._open:
            self._fault(node, f"anchor &{node.anchor} contains itself: a cycle. Write the value out")
            return None
        self._open.append(id(node))
        try:
            return self._value(node)
        finally:
            self._open.pop()

    def _value(self, node: Node) -> Any:
        if isinstance(node, MappingNode) and node.tag == f"{_TAG}map":
            return self._mapping(node)
        if isinstance(node, SequenceNode) and node.tag == f"{_TAG}seq":
            return [self.value(item) for item in node.value]
        if isinstance(node, ScalarNode):
            return self._scalar(node)
        self._fault(node, f"the tag {node.tag} is not understood. Write a plain value")
        return None

    def _mapping(self, node: MappingNode) -> dict[str, Any]:
        values: dict[str, Any] = {}
        lines: dict[str, int] = {}
        for key, item in node.value:
            if not isinstance(key, ScalarNode):
                self._fault(key, "a key must be text. Write a name before the colon")
            elif key.tag == f"{_TAG}merge":
                self._fault(key, "merge keys (<<) are not understood. Write the keys out")
            elif key.value in values:
                self._fault(key, f"the key {key.value} stands here twice: first in line {lines[key.value]}. Remove one")
            else:
                values[key.value], lines[key.value] = self.value(item), key.start_mark.line + 1
        return values

    def _scalar(self, node: ScalarNode) -> Any:
        if node.tag in _TEXT_TAGS:
            return node.value
        construct = {
            f"{_TAG}null": self._scalars.construct_yaml_null,
            f"{_TAG}bool": self._scalars.construct_yaml_bool,
            f"{_TAG}int": self._scalars.construct_yaml_int,
            f"{_TAG}float": self._scalars.construct_yaml_float,
        }.get(str(node.tag))
        try:
            if construct is not None:
                return construct(node)
        except (ValueError, YAMLError):
            pass
        self._fault(node, f"the tag {node.tag} does not fit {node.value!r}. Write a plain value")
        return None

    def _fault(self, node: Node, message: str) -> None:
        mark = node.start_mark
        self.faults.append(Fault(self.file, mark.line + 1, mark.column + 1, f"{message}."))
