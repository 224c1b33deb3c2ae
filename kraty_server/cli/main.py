"""How is the command run? Arguments in, an exit code out; errors, Ctrl-C, and pipes that nobody reads any more."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from kraty_server.cli import terminal
from kraty_server.cli.exits import CommandError, Exit, exit_for

TYPE_CHECKING = False  # `typing` takes longer to import than `kraty --help` takes to show
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any

    from kraty_server.errors import KratyError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code.
    """
    if sys.stderr is None:  # closed by who started this; there is nobody to tell
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (until the end of the process)
    terminal.prepare()
    if sys.stdout is None:
        terminal.say("kraty: stdout is closed, the result could not be written; nothing was done")
        return Exit.ERROR
    try:
        code = _run(arguments)
        terminal.flush()
        return code
    except terminal.OutputError as error:
        _discard_stdout()
        if not isinstance(error.__cause__, BrokenPipeError):
            what = error.strerror or error
            terminal.say(f"kraty: {what}: the output is not complete; what was done stays done", "red")
        return Exit.ERROR
    except BrokenPipeError:  # of stderr, or what it was would have been said: nobody is told
        _discard_stdout()
        return Exit.ERROR


def _discard_stdout() -> None:
    """Let what is still to be written go nowhere: Python would complain when it flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _run(arguments: Sequence[str] | None) -> int:
    from kraty_server.cli.commands import make_parser

    terminal.hide(os.environ.get("KRATY_SERVER_KEY", ""))
    terminal.hide(os.environ.get("KRATY_WEBHOOK_SECRET", ""))
    given: Namespace | None = None
    try:
        given = make_parser().parse_args(arguments)
        return int(given.run(given) or 0)
    except SystemExit as end:  # argparse has said why
        return int(end.code or 0)
    except KeyboardInterrupt as interrupt:
        terminal.say("\n".join(["interrupted", *map(terminal.plain, getattr(interrupt, "__notes__", ()))]))
        return Exit.INTERRUPTED
    except CommandError as error:
        _show(given, str(error), {"message": str(error)}, error.code)
        return error.code
    except terminal.OutputError:
        raise
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        text = f"{where}{error.strerror or error}"
        _show(given, text, {"message": text}, Exit.ERROR)
        return Exit.ERROR
    except Exception as error:
        from kraty_server.errors import KratyError

        if isinstance(error, KratyError):
            return _explain(given, error)
        if isinstance(error, AttributeError) and hasattr(
            error.obj, "to_dict"
        ):  # a model, by an answer that lacks a field
            text = f"{error}; --json shows all that it sent"
            _show(given, text, {"message": text}, Exit.ERROR)
            return Exit.ERROR
        raise


def _show(given: Namespace | None, text: str, facts: dict[str, Any], code: Exit) -> None:
    if given is not None and given.json:
        import json

        terminal.say(json.dumps({"error": {**facts, "exit_code": code}}))
    else:
        first, *more = text.splitlines() or [""]
        terminal.say(f"kraty: {terminal.plain(first)}", "red")
        for line in more:
            terminal.say(f"  {terminal.plain(line)}")


def _explain(given: Namespace | None, error: KratyError) -> Exit:
    """Say what happened, whether it took effect, and what to do next."""
    from kraty_server.errors import KratyServerError

    code = exit_for(error)
    facts: dict[str, Any] = {"message": str(error), "kind": type(error).__name__}
    lines = [str(error), *getattr(error, "__notes__", ())]
    if isinstance(error, KratyServerError):
        facts |= {"status": error.status, "code": error.code, "details": error.details}
        if error.details is not None:
            lines.append(f"details: {terminal.cell(error.details)}")
    if code == Exit.KEY_REFUSED:
        lines.append("The key was refused. `kraty doctor` shows which key and host are used.")
    for name in ("outcome", "decision", "operation", "attempts", "idempotency_key", "request_id"):
        facts[name] = getattr(error, name)
    for name, label in (("idempotency_key", "idempotency key"), ("request_id", "request id")):
        if facts[name]:
            lines.append(f"{label}: {facts[name]}")
    _show(given, "\n".join(lines), facts, code)
    return code
