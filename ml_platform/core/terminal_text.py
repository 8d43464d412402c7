"""What is printed for people: values of the data stay text, and cannot steer the terminal.

A terminal obeys control characters: they clear lines, set the window's title or fill the clipboard. Rich reads
``[red]`` in a text as a style. A value of the data may hold either. Source: ECMA-48; Unicode Technical Report 36.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.text import Text

_COLOR = re.compile("\x1b\\[[0-9;]*m")
"""What sets a color, as the help texts do."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, and those that turn the direction of the text that follows."""


def printable(text: str) -> str:
    r"""Return a text whose control characters are written out.

    >>> printable("late\x1b[2J")
    'late\\x1b[2J'
    """
    return _CONTROL.sub(lambda match: _written_out(match[0]), text)


def _written_out(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def styled(template: str, *values: object) -> Text:
    """Return a text from a template in Rich's markup; the values that fill it stay text.

    >>> styled("[bold]{}[/] is late", "[red]o1").plain
    '[red]o1 is late'
    """
    return Text.from_markup(template.format(*(escape(str(value)) for value in values)), emoji=False)


_UNLIMITED = 1_000_000


class SafeConsole(Console):
    """Rich's console, which reads no markup in texts and writes out the control characters of values.

    Without a terminal no line is wrapped or cut.
    """

    def __init__(self, **options: Any) -> None:
        stream = sys.stderr if options.get("stderr") else sys.stdout
        if isinstance(stream, PrintableStream):  # the console's own control characters are meant
            options.setdefault("file", stream.wrapped)
        super().__init__(**{"markup": False, "emoji": False, "highlight": False, **options})
        if not self.is_terminal:
            self.soft_wrap = True
            self.width = _UNLIMITED

    def render_str(self, text: str, **options: Any) -> Text:
        """Return a text that is measured and cut as it is shown."""
        return super().render_str(printable(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Yield the segments of what is printed."""
        for segment in super().render(renderable, options):
            if segment.control is None and _CONTROL.search(segment.text):
                yield Segment(printable(segment.text), segment.style)
            else:
                yield segment


class PrintableStream:
    """A text stream that writes out control characters but colors, and leaves the rest to the stream that it wraps."""

    def __init__(self, stream: TextIO) -> None:
        self.wrapped = stream

    def write(self, text: str) -> int:
        """Write a text."""
        plain = _COLOR.split(text)
        colors = [*_COLOR.findall(text), ""]
        self.wrapped.write("".join(printable(part) + color for part, color in zip(plain, colors, strict=True)))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.wrapped, name)


def print_safely() -> None:
    """Write out control characters in everything that this process prints from now on."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, PrintableStream):
            setattr(sys, name, PrintableStream(stream))
