"""What cannot work is refused at construction or in words, and retries can be seen.

trio, `/server/v1` in a base URL, a key with `Bearer `, an async hook on the blocking client; warnings of retries and of
giving up; attempts of a closed client; Retry-After: 0; the async hook of the async client.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import time
import warnings
from typing import Any

import pytest
import trio

from kraty_server import (
    AsyncKratyServer,
    KratyClosedError,
    KratyError,
    KratyServer,
    RequestInfo,
    RetryConfig,
)
from tests.servers.fault_proxy import free_port
from tests.servers.peer import Peer, Request, answer, failure, fitting
from tests.world.senders import ASYNC, AWAITED_OURS, KEY, OWN, Sender, every_sender, senders

QUICK: dict[str, Any] = {"timeout": 5.0, "retry": RetryConfig(attempts=3, initial_delay=0.01)}
RECEIPT = "receipt-1"
both_kinds = pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])


def credit(kraty: Any) -> Any:
    return kraty.wallet.credit("p", "gold", amount=5, idempotency_key=RECEIPT)


def ping(kraty: Any) -> Any:
    return kraty.health.ping()


# Refused


@pytest.mark.parametrize("transport", ["httpx", "aiohttp", "fast"])
def test_trio_is_refused_in_words(transport: str) -> None:
    pytest.importorskip({"fast": "httptools"}.get(transport, transport))

    async def main() -> None:
        kraty = AsyncKratyServer(api_key=KEY, base_url="http://127.0.0.1:9", transport=transport)  # type: ignore[arg-type]
        await credit(kraty)

    with pytest.raises(Exception, match=r"(?s)(?=.*trio)(?=.*asyncio)") as caught:
        trio.run(main)
    assert isinstance(caught.value, KratyError | RuntimeError | TypeError)
    assert getattr(caught.value, "outcome", "not_applied") == "not_applied"
    assert not getattr(caught.value, "is_retryable", False)


@both_kinds
@pytest.mark.parametrize("tail", ["/server/v1", "/server/v1/", "/gateway/server/v1"])
def test_a_base_url_with_the_routes_own_path_is_refused(tail: str, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"^base_url: .*/server/v1"):
        kind(api_key=KEY, base_url=f"https://kraty.test{tail}")
    monkeypatch.setenv("KRATY_BASE_URL", f"https://kraty.test{tail}")
    with pytest.raises(ValueError, match=r"^base_url: .*/server/v1"):
        kind(api_key=KEY)


@both_kinds
@pytest.mark.parametrize("key", ["Bearer prefix.secret", "bearer prefix.secret", "BEARER  prefix.secret"])
def test_a_key_with_its_scheme_is_refused_in_words(key: str, kind: Any) -> None:
    with pytest.raises(ValueError, match=r"^api_key: .*Bearer") as refused:
        kind(api_key=key)
    assert "secret" not in str(refused.value)


async def a_hook(info: RequestInfo) -> None:
    """A hook that has to be awaited."""


class Hooks:
    """Hooks of other kinds that have to be awaited."""

    async def method(self, info: RequestInfo) -> None: ...

    async def __call__(self, info: RequestInfo) -> None: ...


AWAITED_HOOKS: list[Any] = [
    a_hook,
    functools.partial(a_hook),
    Hooks().method,
    Hooks(),
    functools.partial(Hooks().method),
]


@pytest.mark.parametrize("hook", AWAITED_HOOKS, ids=["function", "partial", "method", "object", "partial-of-method"])
def test_a_hook_that_has_to_be_awaited_is_refused_by_the_blocking_client(hook: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^on_request: .*async"):
        KratyServer(api_key=KEY, on_request=hook)
    with KratyServer(api_key=KEY) as kraty, pytest.raises((TypeError, ValueError), match=r"^on_request: .*async"):
        kraty.with_options(on_request=hook)


@both_kinds
def test_a_generator_of_keys_that_has_to_be_awaited_is_refused(kind: Any) -> None:
    async def generate() -> str:
        return "key"

    with pytest.raises((TypeError, ValueError), match=r"^generate_idempotency_key: .*async"):
        kind(api_key=KEY, generate_idempotency_key=generate)


# Hooks of the async client


@senders(AWAITED_OURS)
@pytest.mark.parametrize("shape", ["function", "partial", "object", "plain"])
def test_a_hook_of_the_async_client_runs_whether_or_not_it_has_to_be_awaited(shape: str, sender: Sender) -> None:
    seen: list[tuple[int, int | None]] = []

    async def noted(info: RequestInfo) -> None:
        await asyncio.sleep(0)
        seen.append((info.attempt, info.status))

    class Hook:
        async def __call__(self, info: RequestInfo) -> None:
            await noted(info)

    def plain(info: RequestInfo) -> None:
        seen.append((info.attempt, info.status))

    hooks: dict[str, Any] = {
        "function": noted,
        "partial": functools.partial(noted),
        "object": Hook(),
        "plain": plain,
    }
    said = [failure(503, "internal_error"), answer({"data": {"economyKey": "gold", "balance": 5, "applied": True}})]
    with (
        warnings.catch_warnings(action="error"),  # "was never awaited"
        Peer(lambda request: said[min(len(peer.requests), 2) - 1]) as peer,
        sender.running(base_url=peer.url, on_request=hooks[shape], **QUICK) as use,
    ):
        assert use(credit).applied
        assert use(lambda kraty: credit(kraty.with_options(on_request=None))).applied
    assert seen == [(1, 503), (2, 200)]


@senders(AWAITED_OURS)
def test_an_async_hook_that_raises_is_logged_and_the_call_goes_on(
    sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(info: RequestInfo) -> None:
        raise ZeroDivisionError

    with Peer() as peer, sender.running(base_url=peer.url, on_request=broken, **QUICK) as use:
        assert use(credit).applied
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]


# Retries can be seen


def logged(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "kraty_server" and record.levelno >= logging.WARNING]


@every_sender
def test_a_retry_and_giving_up_are_warnings_with_all_one_needs(
    sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    def behave(request: Request) -> bytes:
        return failure(503, "internal_error", headers={"X-Request-Id": f"req-{len(peer.requests)}"})

    with Peer(behave) as peer, sender.running(base_url=peer.url, **QUICK) as use, pytest.raises(KratyError):
        use(credit)
    records = logged(caplog)
    assert [record.levelno for record in records] == [logging.WARNING] * 3, "two retries, and giving up"
    for number, record in enumerate(records, 1):
        message = record.getMessage()
        assert "wallet.credit" in message
        assert RECEIPT in message
        assert f"req-{number}" in message
        assert str(number) in message.replace(f"req-{number}", "")
        assert "503" in message
        assert "secret" not in message
    assert all(" s" in record.getMessage() for record in records[:2]), "how long it waits"


@every_sender
def test_a_lost_connection_is_a_warning_too(sender: Sender, caplog: pytest.LogCaptureFixture) -> None:
    with sender.running(base_url=f"http://127.0.0.1:{free_port()}", **QUICK) as use, pytest.raises(KratyError):
        use(credit)
    records = logged(caplog)
    assert len(records) == 3
    assert all("wallet.credit" in record.getMessage() and RECEIPT in record.getMessage() for record in records)


@every_sender
def test_giving_up_at_once_is_one_warning(sender: Sender, caplog: pytest.LogCaptureFixture) -> None:
    slow = failure(429, "rate_limited", headers={"Retry-After": "3600"})
    with (
        Peer(lambda request: slow) as peer,
        sender.running(base_url=peer.url, **QUICK) as use,
        pytest.raises(KratyError) as caught,
    ):
        use(credit)
    assert caught.value.attempts == len(peer.requests) == len(logged(caplog)) == 1


@every_sender
def test_success_and_refusals_by_the_game_are_no_warnings(sender: Sender, caplog: pytest.LogCaptureFixture) -> None:
    def behave(request: Request) -> bytes:
        return failure(409, "conflict") if request.line.startswith("POST") else fitting(request)

    with Peer(behave) as peer, sender.running(base_url=peer.url, **QUICK) as use:
        use(ping)
        with pytest.raises(KratyError):
            use(credit)
    assert logged(caplog) == []


def test_the_debug_log_stays_quiet_where_it_is_not_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kraty_server")
    with Peer() as peer, KratyServer(api_key=KEY, base_url=peer.url) as kraty:
        credit(kraty)
    assert [record for record in caplog.records if record.name.startswith("kraty_server")] == []


# Closed clients


@every_sender
def test_a_call_of_a_closed_client_made_no_attempt(sender: Sender) -> None:
    def close(kraty: Any) -> Any:
        return kraty.close() if sender.blocking else kraty.aclose()

    with Peer() as peer, sender.running(base_url=peer.url, **QUICK) as use:
        use(ping)
        use(close)
        with pytest.raises(KratyClosedError) as caught:
            use(credit)
        assert (caught.value.attempts, caught.value.outcome) == (0, "not_applied")
        assert (caught.value.operation, caught.value.idempotency_key) == ("wallet.credit", RECEIPT)
        assert len(peer.requests) == 1


# Retry-After


@senders([OWN, ASYNC])
@pytest.mark.parametrize("value", ["0", "-1", "Thu, 01 Jan 1970 00:00:00 GMT"])
@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_of_nothing_still_backs_off(status: int, value: str, sender: Sender) -> None:
    arrived: list[float] = []

    def behave(request: Request) -> bytes:
        arrived.append(time.monotonic())
        return failure(status, "rate_limited", headers={"Retry-After": value})

    retry = RetryConfig(attempts=2, initial_delay=0.2)
    with (
        Peer(behave) as peer,
        sender.running(base_url=peer.url, timeout=5.0, retry=retry) as use,
        pytest.raises(KratyError),
    ):
        use(credit)
    first, second = arrived
    assert second - first >= 0.15, "0.2 s give or take 20 %, and never less"
