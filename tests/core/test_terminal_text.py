"""What is printed for people: no value of the data steers the terminal or is read as markup."""

from __future__ import annotations

import io

from rich.table import Table

from ml_platform.core.terminal_text import PrintableStream, SafeConsole, printable, styled

CLEAR = "a\x1b[2J\x1b]0;title\x07\r\x9b1A\u202eb\tc\n"
WRITTEN_OUT = "a\\x1b[2J\\x1b]0;title\\x07\\x0d\\x9b1A\\u202eb\tc\n"


def test_control_characters_are_written_out() -> None:
    assert printable(CLEAR) == WRITTEN_OUT
    assert printable("naïve — 東京 ▁▂▅█ \U0001f600") == "naïve — 東京 ▁▂▅█ \U0001f600"


def test_a_console_shows_values_of_the_data_as_text() -> None:
    stream = io.StringIO()
    console = SafeConsole(file=stream, force_terminal=True, color_system="standard", width=80)
    table = Table(box=None)
    table.add_column("[bold]name[/]")
    table.add_row("[red]x[/] :smile: \x1b]8;;http://evil\x07link\x1b[8m")
    console.print(table)
    console.print(styled("[bold]{}[/] is late", "[link=http://evil]o1[/]\x1b[1A"))
    shown = stream.getvalue()
    assert "[bold]name[/]" in shown
    assert "[red]x[/] :smile: \\x1b]8;;http://evil\\x07link\\x1b[8m" in shown
    assert "\x1b[1m[link=http://evil]o1[/]\\x1b[1A\x1b[0m is late" in shown


def test_what_is_printed_without_a_console_keeps_its_colors_only() -> None:
    stream = io.StringIO()
    print("\x1b[1;31mred\x1b[0m \x1b[2J\x1b]52;c;YQ==\x07", file=PrintableStream(stream))
    assert stream.getvalue() == "\x1b[1;31mred\x1b[0m \\x1b[2J\\x1b]52;c;YQ==\\x07\n"
