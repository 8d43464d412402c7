"""YAML 1.2 as a tree of nodes with places, composed from the events of libyaml within limits.

The parser is C, some fifty times as fast as one in Python: a table of thousands of features is read at once. The tree
is composed here, without recursion, so that no text can exhaust the stack, the memory or the patience of a process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import yaml

from ml_platform.declarations.yaml.syntax_errors import syntax_fault

Kind = Literal["mapping", "sequence", "text", "plain", "other"]
MAX_DEPTH = 40
MAX_NODES = 100_000
MAX_TEXT = 20_000
MAX_KEY = 200
_TAG = "tag:yaml.org,2002:"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class YamlMark:
    """A place in the text, counted from 0."""

    line: int
    column: int


@dataclass
class YamlNode:
    """One value.

    Attributes
    ----------
    kind
        ``plain`` is a scalar without quotes, whose type its letters decide; ``other`` has a tag that is not understood.
    value
        A scalar's text; keys and values of a mapping; the items of a sequence.
    """

    kind: Kind
    start: YamlMark
    end: YamlMark
    value: Any
    style: str | None = None
    tag: str | None = None
    anchor: str | None = None
    is_open: bool = False

    @cached_property
    def members(self) -> dict[str, tuple[YamlNode, YamlNode]]:
        """Keys and values of a mapping by the key's text; of a key that occurs twice, the first."""
        by_name: dict[str, tuple[YamlNode, YamlNode]] = {}
        for key, value in pairs(self):
            if isinstance(key.value, str):
                by_name.setdefault(key.value, (key, value))
        return by_name


class UnreadableYaml(Exception):
    """The text is no YAML, or beyond the limits; `mark` is where."""

    def __init__(self, mark: YamlMark, problem: str) -> None:
        self.mark, self.problem = mark, problem
        super().__init__(problem)


def compose(text: str) -> YamlNode | None:
    """Return the root of a text of one document, None where there is nothing in it.

    Raises
    ------
    UnreadableYaml
        At the first place that cannot be read: syntax, an unknown alias, nesting beyond `MAX_DEPTH`, a text beyond
        `MAX_TEXT`, or more than `MAX_NODES` values.
    """
    composer = _Composer()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            composer.take(event)
    except yaml.reader.ReaderError as error:
        raise UnreadableYaml(*_of_character(text, error)) from None
    except yaml.MarkedYAMLError as error:
        fault = syntax_fault(text, error)
        raise UnreadableYaml(YamlMark(fault.line, fault.column), f"is not YAML: {fault.problem}") from None
    return composer.root


def _of_character(text: str, error: Any) -> tuple[YamlMark, str]:
    position = error.position if isinstance(error.position, int) and error.position < len(text) else 0
    before = text[:position]
    mark = YamlMark(before.count("\n"), position - before.rfind("\n") - 1)
    return mark, f"the character U+{ord(text[position]):04X} is not allowed in YAML. Remove it"


@dataclass
class _Composer:
    """The nodes that are open, the innermost last, and the anchors seen so far."""

    root: YamlNode | None = None
    _open: list[YamlNode] = field(default_factory=list)
    _anchors: dict[str, YamlNode] = field(default_factory=dict)
    _nodes: int = 0

    def take(self, event: Any) -> None:
        """Put the content of an event into the tree."""
        match event:
            case yaml.DocumentStartEvent():
                if self.root is not None:
                    problem = "is not YAML: a second document begins here. Write one declaration in each file"
                    raise UnreadableYaml(_mark(event.start_mark), problem)
            case yaml.AliasEvent():
                self._add(self._anchored(event))
            case yaml.ScalarEvent():
                self._add(self._scalar(event))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._begin(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                node = self._open.pop()
                node.end, node.is_open = _mark(event.end_mark), False

    def _anchored(self, event: Any) -> YamlNode:
        node, mark = self._anchors.get(event.anchor), _mark(event.start_mark)
        if node is None:
            raise UnreadableYaml(mark, f"there is no anchor &{event.anchor} before this. Write the value out")
        if node.is_open:
            raise UnreadableYaml(node.start, f"anchor &{event.anchor} contains itself: a cycle. Write the value out")
        return node

    def _scalar(self, event: Any) -> YamlNode:
        mark, text = _mark(event.start_mark), event.value
        if len(text) > MAX_TEXT:
            problem = f"this text has {len(text):,} characters; at most {MAX_TEXT:,} are read. Shorten it"
            raise UnreadableYaml(mark, problem)
        if match := _UNWRITABLE.search(text):
            problem = f"this text holds the character U+{ord(match.group()):04X}, which cannot be stored. Remove it"
            raise UnreadableYaml(mark, problem)
        kind: Kind = "plain" if event.style in ("", None) and event.tag in (None, "!") else "text"
        tag = None if event.tag in (None, "!", f"{_TAG}str") else event.tag
        return self._known(
            event, YamlNode("other" if tag else kind, mark, _mark(event.end_mark), text, event.style, tag)
        )

    def _begin(self, event: Any) -> None:
        kind: Kind = "mapping" if isinstance(event, yaml.MappingStartEvent) else "sequence"
        tag = None if event.tag in (None, "!", f"{_TAG}map", f"{_TAG}seq") else event.tag
        mark = _mark(event.start_mark)
        if len(self._open) >= MAX_DEPTH:
            raise UnreadableYaml(mark, f"values are nested more than {MAX_DEPTH} deep. Write them flatter")
        node = self._known(event, YamlNode("other" if tag else kind, mark, mark, [], None, tag, is_open=True))
        self._add(node)
        self._open.append(node)

    def _known(self, event: Any, node: YamlNode) -> YamlNode:
        if event.anchor is not None:
            node.anchor = event.anchor
            self._anchors[event.anchor] = node
        return node

    def _add(self, node: YamlNode) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise UnreadableYaml(node.start, f"more than {MAX_NODES:,} values. Divide the declaration")
        if not self._open:
            self.root = node
        else:
            self._open[-1].value.append(node)


def pairs(node: YamlNode) -> Iterator[tuple[YamlNode, YamlNode]]:
    """Yield keys and values of a mapping."""
    return zip(node.value[::2], node.value[1::2], strict=True)


def _mark(mark: Any) -> YamlMark:
    return YamlMark(mark.line, mark.column)


_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9][0-9_]*|0o[0-7]+|[-+]?0x[0-9a-fA-F]+|[-+]?0b[01]+")
_FLOAT = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+|[-+]?\.[0-9]+([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)
_MAX_DIGITS = 400


def plain_value(text: str) -> Any:
    """Return what a scalar without quotes means in YAML 1.2: a number, a boolean, null, or text.

    Raises
    ------
    ValueError
        For a whole number that does not fit into 64 bits: nothing that is declared is that large.

    >>> plain_value("010"), plain_value("no"), plain_value("1e3")
    (10, 'no', 1000.0)
    """
    if _NULL.fullmatch(text):
        return None
    if _BOOL.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        return _whole(text)
    if _FLOAT.fullmatch(text) and len(text) <= _MAX_DIGITS:
        return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _whole(text: str) -> int:
    digits = text.replace("_", "")
    bases = {"0x": 16, "0o": 8, "0b": 2}
    base = bases.get(digits.lstrip("+-")[:2], 10)
    value = int(digits, base) if len(digits) <= _MAX_DIGITS else 2**64
    if not -(2**63) <= value < 2**63:
        raise ValueError("the number does not fit into 64 bits")
    return value
