"""Whatever is generated can be asked for its types, as dependency injection and pydantic's `validate_call` do."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any, get_type_hints

import pytest

import kraty_server_generated as generated
from kraty_server_generated.api import wallet
from kraty_server_generated.models import AdjustWalletResult, PlayerSnapshot
from kraty_server_generated.types import Call

MODULES = [
    importlib.import_module(found.name) for found in pkgutil.walk_packages(generated.__path__, f"{generated.__name__}.")
]


def typed(module: ModuleType) -> Iterator[Any]:
    """The functions and classes of a module, and the methods of the classes."""
    for found in vars(module).values():
        if getattr(found, "__module__", None) == module.__name__ and (
            inspect.isclass(found) or inspect.isfunction(found)
        ):
            yield found
            if inspect.isclass(found):
                yield from (value.fget for value in vars(found).values() if isinstance(value, property))
                for _, method in inspect.getmembers(
                    found, lambda one: inspect.isfunction(one) or inspect.ismethod(one)
                ):
                    if method.__module__ == module.__name__:
                        yield method


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_everything_that_is_generated_knows_its_types(module: ModuleType) -> None:
    for one in typed(module):
        get_type_hints(one)


def test_the_types_are_the_real_ones() -> None:
    assert get_type_hints(wallet.credit)["return"] == Call[AdjustWalletResult]
    assert get_type_hints(PlayerSnapshot.__init__)["wallet"] == get_type_hints(PlayerSnapshot)["wallet"]
    assert sum(1 for module in MODULES for _ in typed(module)) > 200
