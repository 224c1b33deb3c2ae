"""How does a command end? The exit codes, and the error that ends a command with one of them."""

from __future__ import annotations

from enum import IntEnum

TYPE_CHECKING = False  # `typing` takes longer to import than `kraty --help` takes to show
if TYPE_CHECKING:
    from kraty_server.errors import KratyError
else:  # so that annotations can be read at run time, too
    KratyError = Exception


class Exit(IntEnum):
    """What scripts branch on."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    """Wrong arguments, no key, or a confirmation that was not given. Nothing was sent that changes anything."""
    ROWS = 3
    """It came to its end, and some of what it worked on failed, changed, is unknown or invalid."""
    KEY_REFUSED = 4
    INTERRUPTED = 130


class CommandError(Exception):
    """Ends a command with a message for people and an exit code."""

    def __init__(self, message: str, code: Exit = Exit.ERROR) -> None:
        super().__init__(message)
        self.code = code


def exit_for(error: KratyError) -> Exit:
    """The code of what a call raised."""
    from kraty_server.errors import BY_CODE, SETUP_CODES, KratyServerError

    if not isinstance(error, KratyServerError):
        return Exit.ERROR
    newer = error.code not in BY_CODE and error.status in (401, 403)
    return Exit.KEY_REFUSED if error.code in SETUP_CODES or newer else Exit.ERROR
