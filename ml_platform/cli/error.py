"""Showing what causes an error and what cures it, by its code."""

from __future__ import annotations

from ml_platform.cli.json_output import print_json
from ml_platform.core.errors import ALL_CODES, ErrorCode, PlatformError, suggest


class UnknownErrorCode(PlatformError):
    """No error has this code."""

    def __init__(self, code: str) -> None:
        super().__init__(f"no error has the code {code!r}. {suggest(code, ALL_CODES)}")


def show_error(code: str | None, as_json: bool) -> None:
    """Print one code with cause and cure, or all codes.

    Raises
    ------
    UnknownErrorCode
    """
    known = {code: item for code, (item, _) in ALL_CODES.items()}
    if code is not None and code.upper() not in known:
        raise UnknownErrorCode(code)
    shown = sorted(known.values()) if code is None else [known[code.upper()]]
    if as_json:
        print_json({"errors": [item._asdict() for item in shown]})
    elif code is None:
        print("\n".join(f"{item.code:20}{item.cause}" for item in shown))
    else:
        print(_text(shown[0]))


def _text(item: ErrorCode) -> str:
    return f"{item.code}\nCause: {item.cause}\nCure:  {item.cure}"
