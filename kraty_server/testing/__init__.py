"""A Kraty on your machine, to test against. Needs the extra `kraty-server[emulator]`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kraty_server.testing._emulator import Emulator
    from kraty_server.testing._engine import Request
    from kraty_server.testing._inbox import Inbox
    from kraty_server.testing._outbox import SIGNATURE_HEADER, Delivery, sign
    from kraty_server.testing._seeds import Seed

# Imported when used: pytest loads the plugin wherever this package is installed, with or without the extra.
_HOMES = ("_emulator", "_engine", "_inbox", "_outbox", "_seeds")


def __getattr__(name: str) -> object:
    if name in __all__:
        try:
            modules = [import_module(f"{__name__}.{home}") for home in _HOMES]
        except ModuleNotFoundError as missing:
            raise ModuleNotFoundError(
                f"{missing}: pip install 'kraty-server[emulator]'", name=missing.name
            ) from missing
        return next(getattr(module, name) for module in modules if hasattr(module, name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["SIGNATURE_HEADER", "Delivery", "Emulator", "Inbox", "Request", "Seed", "sign"]
