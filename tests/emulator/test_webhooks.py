"""Webhooks are signed, retried, told to the right endpoints, and can be replayed (CONTRACT.md §4)."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from kraty_server import verify_webhook
from kraty_server.testing import Emulator, sign
from kraty_server.testing.emulator import dispatcher, outbox
from tests.servers.webhook_endpoint import Endpoint


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint([]) as made:
        yield made


@pytest.fixture
def told(endpoint: Endpoint) -> Iterator[Emulator]:
    emulator = Emulator(webhook_url=endpoint.url, webhook_secret="whsec_1")
    yield emulator
    emulator.close()


def test_the_envelope_and_the_signature_are_those_of_the_contract(told: Emulator, endpoint: Endpoint) -> None:
    with told.client() as kraty:
        kraty.wallet.credit("p", "gold", amount=5, reason="iap", source_ref_id="r")
    told.drain()
    ((body, signature),) = endpoint.received
    assert verify_webhook(raw_body=body, signature_header=signature, secret="whsec_1")
    assert not verify_webhook(raw_body=body, signature_header=signature, secret="whsec_2")
    envelope = json.loads(body)
    assert list(envelope) == ["id", "eventName", "studioId", "gameId", "occurredAt", "deliveryAttempt", "data"]
    assert (envelope["eventName"], envelope["deliveryAttempt"]) == ("wallet.changed", 1)
    data = envelope["data"]
    assert (data["economyKey"], data["delta"], data["balance"], data["reason"]) == ("gold", 5, 5, "iap")
    assert (data["externalPlayerId"], data["sourceRefId"], data["origin"]) == ("p", "r", "server")


def test_refused_deliveries_are_tried_again_signed_anew(told: Emulator, endpoint: Endpoint) -> None:
    endpoint.statuses = [500, 302, 204]
    with told.client() as kraty:
        kraty.wallet.credit("p", "gold", amount=5)
    told.drain()
    for _ in range(2):
        told.advance(60)
        told.drain()
    envelopes = [json.loads(body) for body, _ in endpoint.received]
    assert [envelope["deliveryAttempt"] for envelope in envelopes] == [1, 2, 3]
    assert len({envelope["id"] for envelope in envelopes}) == 1
    assert all(verify_webhook(raw_body=b, signature_header=s, secret="whsec_1") for b, s in endpoint.received)
    (delivery,) = told.deliveries
    assert (delivery.status, delivery.attempt, delivery.response) == ("delivered", 3, 204)


def test_each_wait_for_a_refused_delivery_is_four_times_as_long_as_the_one_before(
    told: Emulator, endpoint: Endpoint
) -> None:
    endpoint.statuses = [500] * 6
    with told.client() as kraty:
        kraty.wallet.credit("p", "gold", amount=5)
    told.drain()
    told.advance(0.5)  # too short for a test to be sure that it is not over yet
    told.drain()
    for attempt, wait in enumerate((2, 8, 32, 128), start=2):
        for seconds, expected in ((wait / 2, attempt), (wait, attempt + 1)):
            told.advance(seconds)
            told.drain()
            assert told.deliveries[0].attempt == expected, (
                f"attempt {attempt + 1} does not come {wait} s after the last"
            )
    assert told.deliveries[0].status == "failed"


def test_an_endpoint_that_never_answers_is_given_up(endpoint: Endpoint) -> None:
    emulator = Emulator(webhook_url="http://127.0.0.1:9/nobody", webhook_secret="s")
    with emulator.client() as kraty:
        kraty.wallet.credit("p", "gold", amount=5)
    for _ in range(6):
        emulator.drain()
        emulator.advance(3600)
    (delivery,) = emulator.deliveries
    assert (delivery.status, delivery.attempt, delivery.response) == ("failed", 6, None)
    emulator.close()


def test_a_delivery_can_be_replayed(told: Emulator, endpoint: Endpoint) -> None:
    with told.client() as kraty:
        kraty.wallet.credit("p", "gold", amount=5)
    told.drain()
    told.replay(told.deliveries[0].id)
    told.drain()
    assert len(endpoint.received) == 2
    with pytest.raises(KeyError):
        told.replay("evt_nothing")


def test_what_the_endpoint_answered_is_kept_and_shown(told: Emulator, endpoint: Endpoint) -> None:
    endpoint.statuses, endpoint.answer = [500, 200], b'{"why": "<b>no</b>"}' + b"." * 10_000
    with told.client() as kraty:
        kraty.wallet.credit("p", "gold", amount=5)
    told.drain()
    (delivery,) = told.deliveries
    assert delivery.answer == endpoint.answer[: outbox.ANSWER_BYTES]
    endpoint.answer = b"\xff thank you"
    told.advance(0.5)
    told.drain()
    assert told.deliveries[0].answer == b"\xff thank you"
    page = httpx.get(f"{told.url}/webhooks/{delivery.id}", trust_env=False).text
    assert "Answer to attempt 1" in page
    assert "&lt;b&gt;no" in page
    assert "<b>no" not in page
    assert "\ufffd thank you" in page
    (shown,) = httpx.get(f"{told.url}/_emulator/deliveries", trust_env=False).json()
    assert shown["answer"] == "\ufffd thank you"
    dumped = told.dump()
    told.load(dumped)
    assert told.dump() == dumped


def test_the_answers_of_old_deliveries_are_forgotten(
    told: Emulator, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "ANSWERS_KEPT", 2)
    endpoint.statuses, endpoint.answer = [200] * 5, b"yes"
    with told.client() as kraty:
        for _ in range(4):
            kraty.wallet.credit("p", "gold", amount=5)
            told.drain()
    assert [delivery.answer for delivery in told.deliveries] == [None, None, b"yes", b"yes"]
    told.replay(told.deliveries[0].id)
    told.drain()
    assert (told.deliveries[0].attempt, told.deliveries[0].answer) == (1, None)
    assert len(endpoint.received) == 5


def test_endpoints_hear_of_their_environment_and_their_events_only() -> None:
    emulator = Emulator()
    emulator.add_webhook(secret="a")
    emulator.add_webhook(secret="b", environment="live")
    emulator.add_webhook(secret="c", events=["grant.created"])
    emulator.add_webhook(secret="d")
    for key in (emulator.api_key, emulator.live_key):
        with emulator.client(api_key=key) as kraty:
            kraty.wallet.credit("p", "gold", amount=5)
    signed_by = [
        secret
        for delivery in emulator.deliveries
        for secret in "abcd"
        if verify_webhook(raw_body=delivery.raw_body, signature_header=delivery.signature, secret=secret)
    ]
    assert signed_by == ["a", "d", "b"]
    emulator.close()


def test_a_seed_is_silent_unless_asked() -> None:
    emulator = Emulator()
    emulator.add_webhook(secret="s")
    player = {"externalPlayerId": "p", "wallet": {"gold": 1}, "banned": "bot"}
    emulator.seed({"players": [player]})
    assert emulator.deliveries == []
    emulator.seed({"players": [player | {"externalPlayerId": "q"}]}, silent=False)
    assert [d.event for d in emulator.deliveries] == ["player.registered", "wallet.changed", "player.banned"]
    emulator.close()


def test_an_event_can_be_signed_by_hand() -> None:
    assert verify_webhook(raw_body=b"{}", signature_header=sign(b"{}", "s"), secret="s")
    assert not verify_webhook(raw_body=b"{}", signature_header=sign(b"{}", "s", int(time.time()) - 301), secret="s")


def eventually(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "url", ["http://a..b/", "http://127.0.0.1:99999/", "nonsense", "ftp://x/", "http://", "http://[::1", "http://x:0/"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        Emulator(webhook_url=url, webhook_secret="s")
    emulator = Emulator()
    with pytest.raises(ValueError, match="url"):
        emulator.add_webhook(url, secret="s")
    emulator.close()


def test_an_address_that_the_http_client_refuses_stops_no_other(
    told: Emulator, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with told.engine.lock:  # past the check, as a later version of the client might refuse it
        told.engine.state.run("INSERT INTO endpoints SELECT 99, world, 'http://[::x', secret, events FROM endpoints")
    for n in (1, 2):
        with told.client() as kraty:
            kraty.wallet.credit("p", "gold", amount=5)
        eventually(lambda n=n: len(endpoint.received) == n)  # type: ignore[misc]  # bound now
    told.drain()
    failed = [delivery for delivery in told.deliveries if delivery.url == "http://[::x"]
    assert [(delivery.status, delivery.attempt, bool(delivery.error)) for delivery in failed] == [
        ("pending", 1, True)
    ] * 2


def test_an_endpoint_that_drips_starves_no_other(
    told: Emulator, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "TIMEOUT", 0.5)
    ended = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
            while not ended.wait(0.05):
                connection.sendall(b"y")

    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=drip, args=(server.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        told.add_webhook(f"http://127.0.0.1:{server.getsockname()[1]}/", secret="s")
        with told.client() as kraty:
            for _ in range(20):
                kraty.wallet.credit("p", "gold", amount=5)
        eventually(lambda: len(endpoint.received) == 20)
        slow = [delivery for delivery in told.deliveries if delivery.url != endpoint.url]
        eventually(lambda: any(d.error and "within 0.5 s" in d.error for d in told.deliveries))
        assert len(slow) == 20
        ended.set()


def test_what_a_restart_left_over_is_sent_without_a_call(tmp_path: Path, endpoint: Endpoint) -> None:
    emulator = Emulator(db=tmp_path / "k.db", webhook_url=endpoint.url, webhook_secret="s")
    emulator.engine.dispatcher.close()  # as if it was killed before it could send
    with emulator.client() as kraty:
        kraty.wallet.credit("p", "gold", amount=5)
    emulator.close()
    assert endpoint.received == []
    emulator = Emulator(db=tmp_path / "k.db", webhook_url=endpoint.url, webhook_secret="s")
    eventually(lambda: len(endpoint.received) == 1)
    emulator.close()


def test_a_retry_comes_at_its_time_without_a_call(told: Emulator, endpoint: Endpoint) -> None:
    endpoint.statuses = [500]
    with told.client() as kraty:
        kraty.wallet.credit("p", "gold", amount=5)
    eventually(lambda: len(endpoint.received) == 2)


@pytest.fixture
def collecting() -> Iterator[Emulator]:
    emulator = Emulator()
    emulator.add_webhook(secret="s")
    yield emulator
    emulator.close()


def make_credits(emulator: Emulator, number: int) -> None:
    with emulator.client() as kraty:
        for amount in range(1, number + 1):
            kraty.wallet.credit("p", "gold", amount=amount)


def deltas(emulator: Emulator) -> list[int]:
    return [delivery.envelope["data"]["delta"] for delivery in emulator.collected]


def test_a_delivery_comes_twice_on_demand(collecting: Emulator) -> None:
    collecting.fault("webhooks", duplicate=1)
    make_credits(collecting, 2)
    assert deltas(collecting) == [1, 1, 2]
    one, again, _ = collecting.collected
    assert (one.id, one.attempt, again.attempt) == (again.id, 1, 2)
    assert verify_webhook(raw_body=again.raw_body, signature_header=again.signature, secret="s")


def test_deliveries_come_late_on_demand(collecting: Emulator) -> None:
    collecting.fault("webhooks", delay=60)
    make_credits(collecting, 2)
    assert deltas(collecting) == [2]
    collecting.advance(61)
    assert deltas(collecting) == [2, 1]


def test_a_late_delivery_comes_without_a_call(collecting: Emulator) -> None:
    collecting.fault("webhooks", delay=0.3)
    make_credits(collecting, 1)
    eventually(lambda: deltas(collecting) == [1])


def test_deliveries_come_in_reverse_order_on_demand(collecting: Emulator) -> None:
    collecting.fault("webhooks", reorder=3)
    make_credits(collecting, 2)
    assert deltas(collecting) == []
    with collecting.client() as kraty:
        for amount in (3, 4):
            kraty.wallet.credit("p", "gold", amount=amount)
    assert deltas(collecting) == [3, 2, 1, 4]


def test_what_is_held_back_goes_out_when_the_script_is_cleared(collecting: Emulator) -> None:
    collecting.fault("webhooks", reorder=3)
    make_credits(collecting, 2)
    collecting.clear_faults()
    assert deltas(collecting) == [2, 1]


def test_clearing_one_fault_lets_go_what_it_held_back_and_leaves_the_others(collecting: Emulator) -> None:
    held = collecting.fault("webhooks", reorder=3)
    lost = collecting.fault("webhooks", drop=1)
    spare = collecting.fault("webhooks", reorder=2)
    make_credits(collecting, 2)
    collecting.clear_fault(spare)
    assert deltas(collecting) == []
    collecting.clear_fault(held.number)
    assert deltas(collecting) == [2, 1]
    assert collecting.faults == [lost]
    with pytest.raises(KeyError):
        collecting.clear_fault(held)
    make_credits(collecting, 3)
    assert deltas(collecting) == [2, 1, 2, 3]


def test_deliveries_are_lost_on_demand(collecting: Emulator) -> None:
    collecting.fault("webhooks", drop=1)
    make_credits(collecting, 2)
    collecting.advance(3600)
    assert deltas(collecting) == [2]
    assert [delivery.status for delivery in collecting.deliveries] == ["dropped", "delivered"]


def test_only_the_newest_deliveries_are_kept(collecting: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "DELIVERIES_KEPT", 5)
    make_credits(collecting, 12)
    assert [d.envelope["data"]["delta"] for d in collecting.deliveries] == [8, 9, 10, 11, 12]
    assert deltas(collecting) == [8, 9, 10, 11, 12]
    assert [d.number for d in collecting.list_deliveries(limit=2, before=11)] == [9, 10]
