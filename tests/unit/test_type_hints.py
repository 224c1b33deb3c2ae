"""Whoever reads annotations at run time can: dependency injection, pydantic's `validate_call`, tool servers."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from pydantic import ValidationError, validate_call

import kraty_server
from kraty_server import AsyncKratyServer, KratyServer, models
from kraty_server.client import RESOURCES
from kraty_server_generated import models as generated
from tests.unit.test_mocking import done

APART = ("airflow", "testing", "django", "otel", "__main__")
"""Those need an extra, and are tested with it; the last is a program."""


def modules() -> Iterator[ModuleType]:
    """The public modules."""
    yield kraty_server
    for found in pkgutil.walk_packages(kraty_server.__path__, "kraty_server."):
        parts = found.name.split(".")
        if not any(part.startswith("_") or part in APART for part in parts):
            yield importlib.import_module(found.name)


def annotated() -> dict[str, Any]:
    """Every public function, class and method of the overlay, by its name."""
    found: dict[str, Any] = {}

    def add(name: str, value: Any) -> None:
        if inspect.isfunction(value) or inspect.isclass(value):
            found[name] = value
        if inspect.isclass(value):
            for attribute, member in vars(value).items():
                function = getattr(member, "__func__", getattr(member, "fget", member))
                if inspect.isfunction(function) and (
                    not attribute.startswith("_") or attribute in ("__init__", "__get__")
                ):
                    found[f"{name}.{attribute}"] = function

    public: list[str] = vars(kraty_server)["__all__"]
    for name in {*public, *generated.__all__}:
        add(name, getattr(kraty_server, name, None) or getattr(models, name, None))
    for module in modules():
        for name, value in vars(module).items():
            if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__:
                add(f"{module.__name__}.{name}", value)
    return found


@pytest.mark.parametrize("name", sorted(annotated()))
def test_annotations_can_be_resolved_at_run_time(name: str) -> None:
    typing.get_type_hints(annotated()[name])


def test_the_walk_meets_what_it_must() -> None:
    assert annotated().keys() >= {
        "KratyServer.__init__",
        "AsyncKratyServer.__init__",
        "KratyError",
        "RequestInfo",
        "RetryConfig.__init__",
        "verify_webhook",
        "PlayerSnapshot",
        "kraty_server.resources.wallet.Wallet.credit",
        "kraty_server.resources.wallet.AsyncWallet.credit",
        "kraty_server.client.BaseClient.with_options",
        "kraty_server.webhooks.signature.verify_webhook",
    }


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
def test_methods_of_a_client_say_what_they_take_and_give(kind: Any) -> None:
    kraty = kind(api_key="a.b", base_url="http://127.0.0.1:9")
    for noun in RESOURCES:
        for name, method in inspect.getmembers(getattr(kraty, noun), inspect.ismethod):
            if not name.startswith("_"):
                hints = typing.get_type_hints(method)
                assert hints.keys() == {*inspect.signature(method).parameters, "return"}
                # Some frameworks look the names up where the function was defined.
                assert method.__func__.__globals__ is vars(importlib.import_module(f"kraty_server.resources.{noun}"))
    assert typing.get_type_hints(kraty.players.friends)["return"] == list[models.Friend]
    assert typing.get_type_hints(kraty.wallet.credit)["amount"] is int
    assert inspect.signature(kraty.wallet.credit, eval_str=True).return_annotation is models.AdjustWalletResult


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
def test_pydantic_checks_the_arguments_of_a_call(kind: Any) -> None:
    credit = validate_call(kind(api_key="a.b", base_url="http://127.0.0.1:9").wallet.credit)
    with pytest.raises(ValidationError, match="amount") as wrong:
        done(credit("p", "gold", amount="many"))
    assert [problem["loc"] for problem in wrong.value.errors()] == [("amount",)]
