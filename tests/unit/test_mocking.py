"""People who test their own code replace this client with the mocks of the standard library."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any
from unittest import mock

import pytest

from kraty_server import AsyncKratyServer, KratyServer
from kraty_server.client import RESOURCES

OPTIONS: dict[str, Any] = {"api_key": "prefix.secret", "base_url": "http://127.0.0.1:9"}
both_clients = pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])


def done(result: Any) -> Any:
    async def awaited() -> Any:
        return await result

    return asyncio.run(awaited()) if inspect.isawaitable(result) else result


@both_clients
def test_a_method_can_be_patched_on_the_resource_of_a_client(kind: Any) -> None:
    kraty, other = kind(**OPTIONS), kind(**OPTIONS)
    genuine = kraty.wallet.credit
    with mock.patch.object(kraty.wallet, "credit", autospec=True) as credit:
        credit.return_value = "credited"
        assert done(kraty.wallet.credit("p", "gold", amount=5)) == "credited"
        credit.assert_called_once_with("p", "gold", amount=5)
        assert not isinstance(other.wallet.credit, mock.Mock)
    assert kraty.wallet.credit == genuine


@both_clients
def test_a_method_can_be_patched_for_all_clients(kind: Any) -> None:
    kraty = kind(**OPTIONS)
    with mock.patch.object(kind.wallet, "credit", autospec=True, return_value="credited") as credit:
        assert done(kraty.wallet.credit("p", "gold", amount=5)) == "credited"
        credit.assert_called_once_with(kraty.wallet, "p", "gold", amount=5)


@both_clients
def test_a_resource_can_be_replaced_on_a_client(kind: Any) -> None:
    kraty = kind(**OPTIONS)
    with mock.patch.object(kraty, "wallet") as wallet:
        assert kraty.wallet is wallet
    assert isinstance(kraty.wallet, kind.wallet)


@both_clients
def test_an_autospec_of_a_client_knows_every_method_and_its_signature(kind: Any) -> None:
    fake = mock.create_autospec(kind, instance=True)
    for noun in RESOURCES:
        for name, method in inspect.getmembers(getattr(kind, noun), inspect.isfunction):
            if not name.startswith("_"):
                double = getattr(getattr(fake, noun), name)
                assert (
                    inspect.iscoroutinefunction(method)
                    == isinstance(double, mock.AsyncMock)
                    == (kind is AsyncKratyServer)
                )
    fake.wallet.credit.return_value = "credited"
    assert done(fake.wallet.credit("p", "gold", amount=5)) == "credited"
    with pytest.raises(TypeError):
        done(fake.wallet.credit("p", "gold", 5))
    with pytest.raises(AttributeError):
        _ = fake.wallet.no_such_method
    with pytest.raises(AttributeError):
        _ = fake.no_such_resource


@both_clients
def test_an_autospec_of_the_class_makes_such_clients(kind: Any) -> None:
    fake = mock.create_autospec(kind)
    assert fake.wallet
    kraty = fake(api_key="a.b")
    kraty.wallet.credit.return_value = "credited"
    assert done(kraty.wallet.credit("p", "gold", amount=5)) == "credited"
    with pytest.raises(TypeError):
        fake(no_such_option=1)


@both_clients
def test_a_mock_with_the_client_as_its_spec_has_the_resources(kind: Any) -> None:
    for fake in (mock.Mock(spec=kind), mock.MagicMock(spec_set=kind), mock.Mock(spec=kind(**OPTIONS))):
        assert fake.wallet.credit("p") is fake.wallet.credit.return_value
        with pytest.raises(AttributeError):
            _ = fake.purse


@both_clients
def test_members_of_a_client_can_be_listed(kind: Any) -> None:
    assert dict(inspect.getmembers(kind)).keys() >= RESOURCES
    kraty = kind(**OPTIONS)
    assert {name: type(value) for name, value in inspect.getmembers(kraty) if name in RESOURCES} == {
        name: getattr(kind, name) for name in RESOURCES
    }
