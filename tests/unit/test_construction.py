"""What cannot work is refused where the client is made, in words, and the key is in no frame of that refusal."""

from __future__ import annotations

import asyncio
import functools
import logging
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any
from unittest import mock

import httpx
import pytest

import kraty_server
from kraty_server import AsyncKratyServer, KratyServer, RequestInfo
from kraty_server_generated.contract import BASE_PATH

KEY = "sk_live.S3CRET"
OURS = str(kraty_server.__path__[0])
both_clients = pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
REFUSED: list[dict[str, Any]] = [
    {"api_key": f"{KEY}\n"},
    {"api_key": f"Bearer {KEY}"},
    {"api_key": f"{KEY}é"},
    {"api_key": KEY.encode()},
    {"api_key": [KEY]},
    {"base_url": "ftp://kraty.example"},
    {"base_url": f"https://kraty.example{BASE_PATH}"},
    {"base_url": 5},
    {"timeout": 0},
    {"deadline": "1"},
    {"retry": 3},
    {"on_request": "x"},
    {"generate_idempotency_key": "x"},
    {"http_client": "x"},
    {"transport": "x"},
    {"transport": 5},
]


def locals_shown(error: BaseException) -> Iterator[str]:
    """What a tool that reports errors with local variables shows of the frames of this package."""
    for frame in traceback.TracebackException.from_exception(error, capture_locals=True).stack:
        if frame.filename.startswith(OURS):
            assert frame.locals is not None
            yield from (f"{name}={shown}" for name, shown in frame.locals.items())


def locals_held(at: TracebackType | None) -> Iterator[object]:
    while at is not None:
        if at.tb_frame.f_code.co_filename.startswith(OURS):
            yield from at.tb_frame.f_locals.values()
        at = at.tb_next


@both_clients
@pytest.mark.parametrize("wrong", REFUSED, ids=lambda wrong: next(iter(wrong)))
def test_the_key_is_in_no_frame_and_no_text_of_a_client_that_is_refused(kind: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{next(iter(wrong))}: ") as refused:
        kind(**{"api_key": KEY} | wrong)
    shown = [*locals_shown(refused.value), str(refused.value), *map(repr, locals_held(refused.value.__traceback__))]
    assert shown
    assert [text for text in shown if "S3CRET" in text] == []


@both_clients
def test_the_key_of_the_environment_is_in_no_frame_either(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRATY_SERVER_KEY", f"{KEY}\n")
    with pytest.raises(ValueError, match="^api_key: ") as refused:
        kind()
    assert [text for text in locals_shown(refused.value) if "S3CRET" in text] == []


@both_clients
@pytest.mark.parametrize(
    ("variable", "value"),
    [("SSL_CERT_FILE", "/there/is/none.pem"), ("HTTPS_PROXY", "gopher://proxy.example"), ("KRATY_TRANSPORT", "x"),
     ("KRATY_BASE_URL", "x")],
)  # fmt: skip
def test_the_key_is_in_no_frame_where_the_environment_is_refused(
    kind: Any, variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(Exception) as refused:  # noqa: PT011  (whatever it is)
        kind(api_key=KEY)
    assert [text for text in locals_shown(refused.value) if "S3CRET" in text] == []


@both_clients
def test_a_client_whose_constructor_failed_has_a_repr(kind: Any) -> None:
    half_made = kind.__new__(kind)
    assert repr(half_made) == f"{kind.__name__}(…)"


@both_clients
@pytest.mark.parametrize("prefix", ["Bearer ", "bearer ", "Bearer\t"])
def test_a_key_with_its_scheme_is_refused_in_words(kind: Any, prefix: str) -> None:
    with pytest.raises(ValueError, match=r"^api_key: leave `Bearer ` out"):
        kind(api_key=f"{prefix}a.b")


@both_clients
@pytest.mark.parametrize("end", ["", "/", "//"])
def test_a_base_url_with_the_path_of_the_api_is_refused_in_words(kind: Any, end: str) -> None:
    with pytest.raises(ValueError, match=f"^base_url: leave {BASE_PATH} out"):
        kind(api_key=KEY, base_url=f"https://kraty.example/proxy{BASE_PATH}{end}")
    assert kind(api_key=KEY, base_url=f"https://kraty.example{BASE_PATH}/proxy")


async def told(info: RequestInfo) -> None:
    raise AssertionError(info)


class Told:
    async def __call__(self, info: RequestInfo) -> None:
        raise AssertionError(info)

    async def method(self, info: RequestInfo) -> None:
        raise AssertionError(info)


@pytest.mark.parametrize(
    "hook",
    [told, Told(), Told().method, functools.partial(told), mock.AsyncMock()],
    ids=["function", "object", "method", "partial", "mock"],
)
def test_an_async_hook_is_refused_by_the_blocking_client_and_taken_by_the_async_one(hook: Any) -> None:
    with pytest.raises(TypeError, match="^on_request: an `async def` function is not awaited here"):
        KratyServer(api_key=KEY, on_request=hook)
    with pytest.raises(TypeError, match="^on_request: an `async def` function is not awaited here"):
        KratyServer(api_key=KEY).with_options(on_request=hook)
    kraty = AsyncKratyServer(api_key=KEY, on_request=hook)
    assert kraty.with_options(on_request=None)._options.on_request is None
    assert kraty.with_options(on_request=hook)._options.on_request is hook


@both_clients
def test_an_async_generator_of_keys_is_refused(kind: Any) -> None:
    async def key() -> str:
        return "k"

    with pytest.raises(TypeError, match="^generate_idempotency_key: an `async def` function"):
        kind(api_key=KEY, generate_idempotency_key=key)


@both_clients
def test_a_plain_hook_is_taken(kind: Any) -> None:
    seen: list[RequestInfo] = []
    for hook in (seen.append, logging.getLogger("x").debug, mock.Mock(), lambda info: None):
        assert kind(api_key=KEY, on_request=hook)._options.on_request is hook


PONG = {
    "ok": True,
    "apiKey": {"id": "k", "prefix": "p", "permissionSet": "s", "environment": "test", "studioId": "s", "gameId": None},
}


def test_an_async_hook_is_awaited_before_the_call_goes_on() -> None:
    seen: list[str] = []

    async def slow(info: RequestInfo) -> None:
        await asyncio.sleep(0.01)
        seen.append(info.operation)

    async def main() -> None:
        transport = httpx.MockTransport(lambda request: httpx.Response(200, json=PONG))
        async with AsyncKratyServer(api_key=KEY, transport=transport, on_request=slow) as kraty:
            await kraty.health.ping()
            assert seen == ["health.ping"]

    asyncio.run(main())
