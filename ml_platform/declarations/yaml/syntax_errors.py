"""What the parser of YAML refuses, in plain words: what was read there, and how to write it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ml_platform.core.formatting import counted

_LINES = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_MOST_SHOWN = 40
_LEVELS = 3
_TAB = "a tab is used to indent. Indent with spaces"


@dataclass(frozen=True)
class SyntaxFault:
    """A place in a text, counted from 0, and the sentences about it without the last full stop."""

    line: int
    column: int
    problem: str


@dataclass(frozen=True)
class _Refused:
    """Where the parser stopped, and where the part begins that it was reading.

    Attributes
    ----------
    line, column
        Where it stopped.
    from_line, from_column
        Where the bracket, quote, mapping or list begins that it was reading; where it stopped, if it names no place.
    """

    lines: list[str]
    line: int
    column: int
    from_line: int
    from_column: int

    @property
    def rest(self) -> str:
        """The text from where the parser stopped to the end of that line."""
        return self.text(self.line)[self.column :].strip()

    @property
    def shown(self) -> str:
        """The rest as a message shows it."""
        return _shown(self.rest)

    @property
    def before(self) -> str:
        """The text of that line up to where the parser stopped."""
        return self.text(self.line)[: self.column]

    @property
    def opening(self) -> str:
        """The sign with which the part begins."""
        return self.text(self.from_line)[self.from_column : self.from_column + 1]

    @property
    def at_end(self) -> bool:
        """Whether nothing follows."""
        return not self.rest and not any(text.strip() for text in self.lines[self.line + 1 :])

    def text(self, line: int) -> str:
        return self.lines[line] if line < len(self.lines) else ""

    def here(self, problem: str) -> SyntaxFault:
        return SyntaxFault(self.line, self.column, problem)

    def begin(self, problem: str) -> SyntaxFault:
        return SyntaxFault(self.from_line, self.from_column, problem)


def syntax_fault(text: str, error: Any) -> SyntaxFault:
    """Return what is wrong with a text that the parser refused.

    Parameters
    ----------
    error
        The parser's ``MarkedYAMLError``.
    """
    mark = error.problem_mark or error.context_mark
    begin = error.context_mark or mark
    if mark is None:
        return SyntaxFault(0, 0, "the file cannot be read as YAML. Check its quotes, brackets and indentation")
    refused = _Refused(_LINES.split(text), mark.line, mark.column, begin.line, begin.column)
    reported = " ".join(str(part) for part in (error.context, error.problem) if part)
    explain = next((sentence for part, sentence in _EXPLAINED.items() if part in reported), _unclear)
    return explain(refused)


def _unclear(refused: _Refused) -> SyntaxFault:
    where = refused.shown if refused.rest else "the end of the line"
    return refused.here(f"this cannot be read as YAML, from {where} on. Check quotes, brackets and indentation")


def _no_value_begins_so(refused: _Refused) -> SyntaxFault:
    if refused.text(refused.line)[refused.column : refused.column + 1] == "\t":
        return refused.here(_TAB)
    return refused.here(f"a value cannot begin with {refused.rest[:1]!r}. Put the value in quotes")


def _no_colon(refused: _Refused) -> SyntaxFault:
    text = refused.text(refused.from_line)[refused.from_column :].strip()
    return refused.begin(f"{_shown(text)} has no colon with a space after it. Write a key and its value as key: value")


def _colon_not_allowed(refused: _Refused) -> SyntaxFault:
    if re.search(r":\s", refused.before):
        value = refused.text(refused.line).split(":", 1)[1].strip()
        problem = f"the value {_shown(value)} contains a colon with a space after it. Put the value in quotes"
        return refused.here(problem)
    line = next((number for number in range(refused.line - 1, -1, -1) if refused.text(number).strip()), None)
    if line is None:
        return _unclear(refused)
    text = refused.text(line)
    indent = len(text) - len(text.lstrip())
    if not re.search(r":(\s|$)", text):
        return _no_colon(replace(refused, from_line=line, from_column=indent))
    deeper = len(refused.before) - len(refused.before.lstrip())
    problem = f"this line is indented by {counted(deeper, 'space')}, below line {line + 1} which has a value already"
    return replace(refused, column=deeper).here(f"{problem}. Indent it by {indent}, as that line")


def _quote_not_closed(refused: _Refused) -> SyntaxFault:
    return refused.begin(f"the quote {refused.opening} that opens here is not closed. Close it with {refused.opening}")


def _comma_or_bracket(refused: _Refused) -> SyntaxFault:
    opening = refused.opening
    closing = {"[": "]", "{": "}"}.get(opening, opening)
    if refused.rest[:1] in ("]", "}"):
        problem = f"{refused.rest[0]} is where the {opening} of line {refused.from_line + 1} is closed"
        return refused.here(f"{problem}. Close it with {closing}")
    if refused.at_end or refused.line > refused.from_line:
        return refused.begin(f"the {opening} that opens here is not closed. Close it with {closing}")
    problem = f"a comma or {closing} is missing before {refused.shown}"
    return refused.here(f"{problem}. Put a comma between values, and text with signs such as : or {{ in quotes")


def _no_key(refused: _Refused) -> SyntaxFault:
    first = refused.rest[:1]
    if first in ("]", "}"):
        return _closes_nothing(refused)
    if refused.before.rstrip().endswith(("'", '"')):
        return _after_quote(refused, refused.before.rstrip()[-1])
    if refused.rest == "-" or refused.rest.startswith("- "):
        problem = f"{refused.shown} is an item of a list, among lines that are keys"
        return refused.here(f"{problem}. Write it as key: value, or indent it below the key of its list")
    return _wrong_indent(refused)


def _after_quote(refused: _Refused, quote: str) -> SyntaxFault:
    if refused.before.count(quote) % 2:
        problem = f"the quote {quote} before {refused.shown} closes a text that began in a line above"
        return refused.here(f"{problem}. Close that text in its line")
    problem = f"{refused.shown} follows the closing quote {quote}"
    return refused.here(f"{problem}. Put the whole value in quotes, and use the other kind of quotes inside")


def _wrong_indent(refused: _Refused) -> SyntaxFault:
    levels = sorted({len(text) - len(text.lstrip()) for text in refused.lines[: refused.line] if text.strip()})
    if refused.before.strip() or refused.column in levels:
        return _unclear(refused)
    above = " or ".join(map(str, levels[-_LEVELS:]))
    problem = f"this line is indented by {counted(refused.column, 'space')}, and the lines above it by {above}"
    return refused.here(f"{problem}. Indent it as the other keys of its mapping")


def _no_item(refused: _Refused) -> SyntaxFault:
    problem = f"{refused.shown} follows the items of a list, and does not begin with a dash"
    return refused.here(f"{problem}. Write a dash and a space before it, or indent it as the key that it is")


def _no_value(refused: _Refused) -> SyntaxFault:
    if refused.at_end:
        last = max((line for line, text in enumerate(refused.lines) if text.strip()), default=0)
        problem = "the text ends inside a list [ or mapping {. Close it with ] or }"
        return SyntaxFault(last, len(refused.text(last)), problem)
    if refused.rest[:1] in ("]", "}"):
        return _closes_nothing(refused)
    if refused.rest.startswith(","):
        return refused.here("there is no value before this comma. Write one, or remove the comma")
    return _no_item(refused)


def _closes_nothing(refused: _Refused) -> SyntaxFault:
    sign = refused.rest[0]
    return refused.here(f"this {sign} closes nothing. Remove it, or put the value that it belongs to in quotes")


def _after_the_end(refused: _Refused) -> SyntaxFault:
    above = [text for text in refused.lines[: refused.line] if text.strip() and not text.lstrip().startswith("#")]
    if any(text.startswith("...") for text in above):
        return refused.here("a second document begins here. Write one declaration in each file")
    if any(text.startswith("%") for text in above):
        return refused.here("a line above begins with %, which is for the parser. Remove that line")
    indent = len(above[0]) - len(above[0].lstrip()) if above else 0
    problem = f"this line is not indented, while the first one is indented by {counted(indent, 'space')}"
    return refused.here(f"{problem}. Begin all keys of the file in the same column")


def _name_of_anchor(refused: _Refused) -> SyntaxFault:
    return refused.begin(f"a value cannot begin with {refused.opening!r}. Put the value in quotes")


def _text_block(refused: _Refused) -> SyntaxFault:
    value = _shown(refused.text(refused.from_line)[refused.from_column :].strip())
    problem = f"{refused.opening} begins a text of several lines, but its line goes further: {value}"
    return refused.begin(f"{problem}. Put the value in quotes")


def _escape(refused: _Refused) -> SyntaxFault:
    sign = refused.text(refused.line)[refused.column - 1 : refused.column + 1]
    sign = refused.rest[:2] if refused.rest.startswith("\\") else sign
    problem = f"{sign} has no meaning within double quotes"
    return refused.here(f"{problem}. Write two backslashes for one, or use single quotes")


def _tag(refused: _Refused) -> SyntaxFault:
    return refused.begin("a value cannot begin with '!'. Put the value in quotes")


def _directive(refused: _Refused) -> SyntaxFault:
    return refused.begin("a line that begins with % is for the parser. Remove the line")


_EXPLAINED: Mapping[str, Callable[[_Refused], SyntaxFault]] = {
    "cannot start any token": _no_value_begins_so,
    "tab character": lambda refused: refused.here(_TAB),
    "could not find expected ':'": _no_colon,
    "mapping values are not allowed": _colon_not_allowed,
    "scanning a quoted scalar": _quote_not_closed,
    "escape": _escape,
    "expected ',' or": _comma_or_bracket,
    "expected key": _no_key,
    "expected '-' indicator": _no_item,
    "expected node content": _no_value,
    "<document start>": _after_the_end,
    "scanning an alias": _name_of_anchor,
    "scanning an anchor": _name_of_anchor,
    "scanning a block scalar": _text_block,
    "directive": _directive,
    "incompatible YAML": _directive,
    "tag": _tag,
}
"""By a part of the parser's report; the first that occurs."""


def _shown(text: str) -> str:
    return repr(text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}...")
