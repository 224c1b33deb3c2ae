"""Which names are public? They are what the reference of the site has to show."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Final

MODULES: Final = (
    "kraty_server",
    "kraty_server.models",
    "kraty_server.webhooks",
    "kraty_server.bulk",
    "kraty_server.testing",
    "kraty_server.django",
    "kraty_server.airflow",
    "kraty_server.otel",
    "kraty_server.pages",
)
"""What users import from."""


def public_names(module: str) -> list[str]:
    """The names that a module offers: its `__all__`, else the functions and classes that are written in it."""
    found = import_module(module)
    offered: list[str] | None = getattr(found, "__all__", None)
    if offered is not None:
        return sorted(offered)
    return sorted(
        name
        for name, value in vars(found).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module
    )
