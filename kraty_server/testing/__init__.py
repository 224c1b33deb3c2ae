"""A Kraty on your machine, to test against. Needs the extra `kraty-server[emulator]`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kraty_server.testing._emulator import Emulator
    from kraty_server.testing._inbox import Inbox
    from kraty_server.testing.emulator.outbox import SIGNATURE_HEADER, Delivery, sign
    from kraty_server.testing.emulator.rate_limit import RateLimit
    from kraty_server.testing.emulator.request_log import Request
    from kraty_server.testing.emulator.seeds import Seed

# Imported when used: pytest loads the plugin wherever this package is installed, with or without the extra.
_MODULES: Final = {
    "SIGNATURE_HEADER": "emulator.outbox",
    "Delivery": "emulator.outbox",
    "Emulator": "_emulator",
    "Inbox": "_inbox",
    "RateLimit": "emulator.rate_limit",
    "Request": "emulator.request_log",
    "Seed": "emulator.seeds",
    "sign": "emulator.outbox",
}


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f"{__name__}.{_MODULES[name]}")
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(f"{missing}: pip install 'kraty-server[emulator]'", name=missing.name) from missing
    return getattr(module, name)


__all__ = ["SIGNATURE_HEADER", "Delivery", "Emulator", "Inbox", "RateLimit", "Request", "Seed", "sign"]
