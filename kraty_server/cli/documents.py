"""What is read from an argument, a file or stdin? Whole numbers, bytes and JSON."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentTypeError
from typing import Any

from kraty_server.cli.exits import CommandError, Exit


def whole_number(text: str) -> int:
    """A whole number; no separators, which mean different things in different countries."""
    if not text.isascii() or not text.isdigit():
        raise ArgumentTypeError(f"a whole number without separators is needed, got {text!r}")
    return int(text)


def read_bytes(path: str) -> bytes:
    """Read a file, or stdin for `-`, as it is.

    Raises:
        CommandError: it cannot be read.
    """
    if path == "-":
        if sys.stdin is None:
            raise CommandError("-: stdin is closed", Exit.USAGE)
        return sys.stdin.buffer.read()
    try:
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise CommandError(f"{path}: {getattr(error, 'strerror', None) or error}", Exit.USAGE) from None


def read_json(text: str) -> Any:
    """Read JSON from an argument, from a file for `@FILE`, from stdin for `-`.

    Raises:
        CommandError: it cannot be read, or is no JSON.
    """
    where, content = "the JSON given", text.encode("utf-8", "surrogateescape")
    if text == "-" or text.startswith("@"):
        where = text.removeprefix("@")
        content = read_bytes(where)
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CommandError(f"{where}: no JSON: {error}", Exit.USAGE) from None
