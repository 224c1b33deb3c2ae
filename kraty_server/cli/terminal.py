"""What does a person see? Text, tables and colours for a terminal or a pipe.

Data goes to stdout, all else to stderr. What comes from elsewhere is escaped, so that no terminal obeys it.
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Sequence

TYPE_CHECKING = False  # `typing` takes longer to import than `kraty --help` takes to show
if TYPE_CHECKING:
    from typing import Any, Final, TextIO
else:  # so that annotations can be read at run time, too
    Any = object

FALLBACK: Final = {"·": "-", "×": "x", "–": "-", "…": "...", "→": "->"}
"""What stands for our own signs where the locale does not have them."""
STYLES: Final = {"bold": "1", "dim": "2", "red": "1;31", "green": "32"}
MIN_SECRET_LENGTH: Final = 8
"""Characters. A shorter secret is not hidden: it would be found in texts that do not hold it."""
NOTHING: Final = "–"

_secrets: Final[list[str]] = []


class OutputError(OSError):
    """What is written to stdout does not arrive: the disk is full, or nobody reads it any more."""


def _replace(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end]
    shown = "".join(FALLBACK.get(one) or one.encode("ascii", "backslashreplace").decode() for one in text)
    return shown, error.end


codecs.register_error("kraty_server.cli", _replace)


def prepare() -> None:
    """Let both streams write whatever comes, in any locale, and let no answer be one that cannot be read."""
    for stream, errors in ((sys.stdin, "replace"), (sys.stdout, "kraty_server.cli"), (sys.stderr, "kraty_server.cli")):
        reconfigure = getattr(stream, "reconfigure", None)  # not there where a test has replaced the stream
        if reconfigure is not None:
            reconfigure(errors=errors)


def hide(secret: str) -> None:
    """Let nothing that is written show this from now on."""
    if len(secret) >= MIN_SECRET_LENGTH and secret not in _secrets:
        _secrets.append(secret)


def _redact(text: str) -> str:
    for secret in _secrets:
        text = text.replace(secret, "…")
    return text


def plain(text: str) -> str:
    """Escape what is no ordinary character: control characters, line breaks, marks that turn text around."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def _has_style(stream: TextIO) -> bool:
    """Tell whether a stream takes colours."""
    if os.name == "nt" and "WT_SESSION" not in os.environ:  # the old console of Windows shows the codes themselves
        return False
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def _styled(text: str, style: str, stream: TextIO) -> str:
    """Colour a text, where the stream takes that."""
    return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if _has_style(stream) else text


def write(text: str, style: str | None = None) -> None:
    """Write a line of data."""
    text = _redact(text)
    put(f"{_styled(text, style, sys.stdout) if style else text}\n")


def put(text: str) -> None:
    """Write data as it is, secrets included.

    Raises:
        OutputError: it does not arrive.
    """
    try:
        sys.stdout.write(text)
    except OSError as error:
        raise OutputError(*error.args) from error


def flush() -> None:
    """Let whoever reads along have what was written so far.

    Raises:
        OutputError: it does not arrive.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(*error.args) from error


def say(text: str, style: str | None = None) -> None:
    """Say something that is no data."""
    text = _redact(text)
    sys.stderr.write(f"{_styled(text, style, sys.stderr) if style else text}\n")
    sys.stderr.flush()


def write_json(value: object, *, indent: int | None = 2) -> None:
    """Write JSON that is ASCII: any locale can write it, and no terminal obeys it."""
    import json

    write(json.dumps(value, indent=indent).replace("\x7f", "\\u007f"))


def heading(text: str) -> None:
    """Write what a table is about."""
    write(text, "bold")


def cell(value: Any) -> str:
    """A value as people read it: 1,250 for an amount, minutes for a time, JSON for what has no other form."""
    from datetime import UTC, datetime

    from kraty_server_generated.types import UNSET

    if value is None or value is UNSET or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{int(value) if value == value // 1 else value:,}"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M}"
    if isinstance(value, str):
        return plain(str(value))
    import json

    return plain(json.dumps(value, ensure_ascii=False))


def cells(model: object, *names: str) -> list[str]:
    """Fields of a model. One that the server did not send is a dash."""
    return [cell(getattr(model, name, None)) for name in names]


def width(text: str) -> int:
    """The columns that a text takes in a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)


def room() -> int | None:
    """The columns of the terminal; None where nobody looks at it and lines may be as long as they are."""
    from shutil import get_terminal_size

    return get_terminal_size().columns if sys.stdout.isatty() else None


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Sequence[int] = ()) -> None:
    """Write rows below their headings; one below the other, field by field, where they are too wide.

    Args:
        head: the headings.
        rows: cells, escaped already.
        numbers: columns that end at the same place.
    """
    widths = [max(width(row[n]) for row in (head, *rows)) for n in range(len(head))]
    available = room()
    if available is not None and 2 + sum(widths) + 2 * (len(head) - 1) > available:
        for number, row in enumerate(rows):
            if number:
                write("")
            fields(list(zip(head, row, strict=True)))
        return
    for number, row in enumerate((head, *rows)):
        padded = [_pad(text, widths[n], right=n in numbers) for n, text in enumerate(row)]
        line = f"  {'  '.join(padded)}".rstrip()
        write(line, None if number else "dim")


def fields(pairs: Sequence[tuple[str, str]]) -> None:
    """Write names and their values."""
    longest = max(width(name) for name, _ in pairs)
    for name, value in pairs:
        write(f"  {_pad(name, longest)}  {value}")


def _pad(text: str, columns: int, *, right: bool = False) -> str:
    space = " " * (columns - width(text))
    return space + text if right else text + space
