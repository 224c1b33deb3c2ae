"""`kraty emulator`: hands over to the emulator, which needs the extra `kraty-server[emulator]`."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from kraty_server.cli import terminal
from kraty_server.testing import __main__ as emulator


def emulator_arguments(parser: ArgumentParser) -> None:
    """Describe `emulator`."""
    emulator.add_arguments(parser)
    parser.set_defaults(run=_emulator)


def _emulator(given: Namespace) -> int:
    return emulator.serve(given, _show_json if given.json else emulator.show_ready)


def _show_json(url: str, key: str) -> None:
    # As it is, else the key would be hidden where the environment has it: the key of an emulator is no secret.
    terminal.put(f"{json.dumps({'url': url, 'key': key})}\n")
    terminal.flush()
