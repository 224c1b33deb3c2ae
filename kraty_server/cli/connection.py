"""Which client does a command call with, and are its arguments in order?"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from kraty_server._options import KEY_VARIABLE
from kraty_server.cli import terminal
from kraty_server.cli.credentials import read_secret
from kraty_server.cli.exits import CommandError, Exit
from kraty_server.client import KratyServer

T = TypeVar("T")


class _Log(logging.Handler):
    """Shows what the SDK logs, as each retry, without letting the terminal obey it."""

    def emit(self, record: logging.LogRecord) -> None:
        terminal.say(terminal.plain(record.getMessage()), "dim")


def show_log() -> None:
    """Show the warnings of the SDK on stderr."""
    logger = logging.getLogger("kraty_server")
    if not any(isinstance(handler, _Log) for handler in logger.handlers):
        logger.addHandler(_Log(logging.WARNING))
        logger.propagate = False


@contextmanager
def hide_log() -> Generator[None]:
    """Show no warnings meanwhile: a job counts lost answers, and a line for each would bury its progress."""
    logger = logging.getLogger("kraty_server")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def usage_errors() -> Generator[None]:
    """Take a value that is refused before anything is sent for wrong usage."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise CommandError(str(error), Exit.USAGE) from None


def connect(**options: Any) -> KratyServer:
    """Make a client with the key of the environment.

    Raises:
        CommandError: there is no key, or what the environment says cannot work.
    """
    key = read_secret(KEY_VARIABLE, "key")
    show_log()
    with usage_errors():
        return KratyServer(api_key=key, **options)


def checked(check: Callable[..., object], send: Callable[..., T], *args: Any, **options: Any) -> Callable[[], T]:
    """Check the arguments of a call before anybody is asked to confirm it.

    Args:
        check: the generated function of the call, which sends nothing.
        send: the method of the client.
        args: what both take.
        options: what both take by name.

    Returns:
        What sends it.

    Raises:
        CommandError: an argument is refused.
    """
    with usage_errors():
        check(*args, **options)
    return partial(send, *args, **options)
