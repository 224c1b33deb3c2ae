"""Webhooks are signed, retried, told to the right endpoints, and can be replayed (CONTRACT.md §4)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from kraty_server import verify_webhook
from kraty_server.testing import Emulator, sign
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
