"""Each event has a class of its own, survives to and fro whatever comes, and what the emulator emits fits the document."""

from __future__ import annotations

import copy
import json
import pickle
import re
from typing import Any

import attrs
import hypothesis.strategies as st
import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from codegen import bump, write
from kraty_server import KratyServerError, RetryConfig
from kraty_server.testing import Emulator
from kraty_server.testing.emulator import ledger, outbox
from kraty_server.webhooks import EVENTS, WalletChanged, WebhookEvent, Webhooks, read_event

DOCUMENT = write.load(write.DOCUMENT)
REGISTRY: Any = Registry().with_resource("urn:kraty", DRAFT202012.create_resource(DOCUMENT))
ENVELOPE = {"id": "evt_1", "studioId": "stu_1", "gameId": "game_1", "occurredAt": "2026-11-26T09:00:00.000Z"}


def validator(event: str) -> Any:
    pointer = f"urn:kraty#/webhooks/{event}/post/requestBody/content/application~1json/schema"
    return Draft202012Validator({"$ref": pointer}, registry=REGISTRY)


@pytest.fixture(scope="module")
def emitted() -> dict[str, bytes]:
    """A body of each event that the emulator emits."""
    with Emulator(seed={"events": [{"key": "arena", "mode": "lobby_matched"}]}) as emulator:
        emulator.add_webhook(secret="s")
        emulator.seed({"players": [{"externalPlayerId": "new"}]}, silent=False)
        with emulator.client() as kraty:
            kraty.wallet.credit("p", "gold", amount=5, reason="iap", source_ref_id="r")
            kraty.wallet.debit("p", "gold", amount=1)
            kraty.inventory.grant("p", "sword", quantity=1)
            kraty.grants.create("p", entries=[{"type": "item", "itemKey": "sword", "quantity": 1}], idempotency_key="k")
            kraty.players.ban("p", reason="bot")
            kraty.players.delete("p")
            game = next(iter({d.envelope["gameId"] for d in emulator.deliveries}))
            kraty.lobbies.push(game, "arena", key="l", external_player_ids=["q"], capacity=1)
        emulator.advance(10**6)
        assert all(validator(d.event).is_valid(d.envelope) for d in emulator.deliveries)
        return {d.event: d.raw_body for d in emulator.deliveries}


def test_every_event_that_the_emulator_emits_fits_the_document_and_none_is_left_out(emitted: dict[str, bytes]) -> None:
    assert EVENTS.keys() == DOCUMENT["webhooks"].keys()
    assert emitted.keys() == EVENTS.keys() - set(bump.not_sent(EVENTS))
    for name, body in emitted.items():
        event = read_event(json.loads(body))
        assert type(event) is EVENTS[name]
        assert event.to_dict() == json.loads(body)
        assert not event.data.additional_properties


def test_attrs_copies_and_shows_an_event_with_what_this_sdk_does_not_know_of_it(emitted: dict[str, bytes]) -> None:
    for body in emitted.values():
        event = read_event(json.loads(body) | {"brandNew": 1})
        later = attrs.evolve(event, delivery_attempt=7)
        assert type(later) is type(event)
        assert later.to_dict() == json.loads(body) | {"brandNew": 1, "deliveryAttempt": 7}
        assert attrs.asdict(event)["data"] == attrs.asdict(event.data)
        assert attrs.fields(type(event)).data.type == type(event.data).__name__
        assert attrs.resolve_types(type(event)).__attrs_attrs__.data.type is type(event.data)
        assert copy.copy(event) == event == pickle.loads(pickle.dumps(event))
        assert read_event(event.to_dict()) == event == copy.deepcopy(event) == pickle.loads(pickle.dumps(event))


def test_the_page_lists_every_event_with_its_class() -> None:
    page = (write.DOCUMENT.parent / "docs" / "webhooks.md").read_text("utf-8")
    assert re.findall(r"^\| `([a-z.]+)` \| `(\w+)` \|", page, re.MULTILINE) == [
        (name, kind.__name__) for name, kind in EVENTS.items()
    ]


@pytest.mark.parametrize("name", DOCUMENT["webhooks"])
def test_what_nobody_documented_says_that_it_is_assumed(name: str) -> None:
    _, own = DOCUMENT["webhooks"][name]["post"]["requestBody"]["content"]["application/json"]["schema"]["allOf"]
    data = own["properties"]["data"]["$ref"].rpartition("/")[2]
    fields = DOCUMENT["components"]["schemas"][data]["properties"]
    assert fields
    by_a_call = json.dumps(DOCUMENT["paths"]) + json.dumps(DOCUMENT["components"]["schemas"])
    if f'schemas/{data}"' not in by_a_call:
        assert all("Assumed" in field["description"] for field in fields.values())


def test_an_event_of_the_emulator_that_leaves_the_document_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "emit", lambda context, event, data: outbox.emit(context, event, {"delta": 5}))
    with Emulator() as emulator:
        emulator.add_webhook(secret="s")
        with (
            emulator.client(retry=RetryConfig(attempts=1)) as kraty,
            pytest.raises(KratyServerError, match=r"it left the contract at wallet\.changed"),
        ):
            kraty.wallet.credit("p", "gold", amount=5)


def test_a_field_that_is_missing_is_an_error_where_it_is_read() -> None:
    event = read_event({**ENVELOPE, "eventName": "wallet.changed", "data": {"delta": 5}})
    assert isinstance(event, WalletChanged)
    assert event.data.delta == 5
    with pytest.raises(AttributeError, match="the server did not send 'balance' of WalletChangedData"):
        _ = event.data.balance
    with pytest.raises(AttributeError, match="the server did not send 'deliveryAttempt' of WalletChanged"):
        _ = event.delivery_attempt


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text() | st.sampled_from(["grant", "lobby", "bannedAt", "delta"]), inner, max_size=3)
    ),
)


@given(st.sampled_from([*EVENTS, "season.ended"]), json_values, st.dictionaries(st.text(), json_values, max_size=2))
def test_whatever_an_event_is_about_survives_to_and_fro(name: str, data: Any, more: dict[str, Any]) -> None:
    body = {**more, **ENVELOPE, "eventName": name, "deliveryAttempt": 1, "data": data}
    event = read_event(body)
    assert type(event) is EVENTS.get(name, WebhookEvent)
    assert event.to_dict() == body
    assert read_event(event.to_dict()) == event


@pytest.mark.parametrize("name", [5, None, ["wallet.changed"], {}, True])
def test_a_name_that_is_no_text_is_no_known_event(name: Any) -> None:
    if name is None:
        assert type(read_event({"eventName": None})) is WebhookEvent
        return
    with pytest.raises(ValueError, match=r"^WebhookEvent\.eventName: "):
        read_event({"eventName": name})


@pytest.mark.parametrize("body", [[], None, 5, "text"])
def test_what_is_no_object_is_no_event(body: Any) -> None:
    with pytest.raises(TypeError, match="expected an object"):
        read_event(body)


def test_a_handler_is_found_again_after_a_queue() -> None:
    seen: list[WebhookEvent] = []
    work = Webhooks("s")
    work.on(WalletChanged)(seen.append)
    event = read_event({**ENVELOPE, "eventName": "wallet.changed", "data": {"delta": 5}})
    assert work.dispatch(read_event(json.loads(json.dumps(event.to_dict())))) == "handled"
    assert seen == [event]
