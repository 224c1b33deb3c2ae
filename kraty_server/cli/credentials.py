"""Where do secrets come from? From the environment, or from a file that the environment names; never an argument."""

from __future__ import annotations

import os

from kraty_server.cli import terminal
from kraty_server.cli.exits import CommandError, Exit


def read_secret(variable: str, what: str) -> str:
    """Read a secret, and let nothing that is written show it.

    Args:
        variable: its name; with `_FILE` behind it, it names a file.
        what: what it is, for people.

    Raises:
        CommandError: there is none, there are two, or its file cannot be read.
    """
    value, path = os.environ.get(variable), os.environ.get(f"{variable}_FILE")
    if value and path:
        raise CommandError(f"{variable} and {variable}_FILE are both set; unset one of them", Exit.USAGE)
    if path:
        try:
            with open(path, encoding="utf-8") as file:
                value = file.read().strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise CommandError(f"{variable}_FILE: {path}: {reason}", Exit.USAGE) from None
    if not value:
        raise CommandError(f"no {what}: set {variable}, or {variable}_FILE to the path of a file", Exit.USAGE)
    terminal.hide(value)
    return value


def secret_source(variable: str) -> str | None:
    """Tell where a secret would be read from."""
    if path := os.environ.get(f"{variable}_FILE"):
        return f"{variable}_FILE={path}"
    return variable if os.environ.get(variable) else None
