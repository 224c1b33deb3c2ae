"""Each operation does to the state what CONTRACT.md §1 says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kraty_server import (
    ConflictError,
    CrateEntry,
    CurrencyEntry,
    ForbiddenError,
    IdempotencyConflictError,
    ItemEntry,
    KratyServer,
    KratyServerError,
    NotFoundError,
    ValidationFailedError,
)
from kraty_server.testing import Emulator


def told(emulator: Emulator) -> list[str]:
    return [delivery.event for delivery in emulator.deliveries]


def balances(kraty: KratyServer, player: str) -> dict[str, float]:
    return {entry.economy_key: entry.balance for entry in kraty.players.get(player).wallet}


def items(kraty: KratyServer, player: str) -> dict[str, int]:
    return {entry.item_key: entry.quantity for entry in kraty.players.get(player).inventory}


def test_ping_names_the_key_and_its_game(kraty: KratyServer, emulator: Emulator) -> None:
    about = kraty.health.ping().api_key
    assert (about.prefix, about.permission_set, about.environment.value) == ("sEmuTest", "server_integration", "test")
    assert (about.studio_id, about.game_id) == ("stu_1", "game_1")


def test_a_grant_is_pending_then_claimed_and_lands_in_the_ledgers(kraty: KratyServer, emulator: Emulator) -> None:
    grant = kraty.grants.create(
        "new",
        entries=[CurrencyEntry("gold", 5), ItemEntry("potion", 2), CrateEntry("box", 1)],
        idempotency_key="r1",
        source_ref_id="ref",
    )
    assert (grant.status.value, grant.kind.value, grant.source_kind, grant.source_ref_id) == (
        "pending",
        "reward",
        "api",
        "ref",
    )
    assert balances(kraty, "new") == {}
    claimed = kraty.grants.ack("new", grant.id)
    assert claimed.status.value == "claimed"
    assert claimed.claimed_at is not None
    assert kraty.grants.ack("new", grant.id) == claimed
    assert balances(kraty, "new") == {"gold": 5}
    assert items(kraty, "new") == {"potion": 2, "box": 1}
    assert told(emulator) == ["grant.created", "wallet.changed", "inventory.changed", "inventory.changed"]


def test_a_grant_expires_on_the_emulators_clock_and_is_unclaimable_afterwards(
    kraty: KratyServer, emulator: Emulator
) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    grant = kraty.grants.create("ada", entries=[CurrencyEntry("gold", 5)], idempotency_key="r1", expires_at=until)
    emulator.advance(timedelta(hours=1, minutes=1))
    assert kraty.players.get("ada").recent_grants[0].status.value == "expired"
    assert kraty.grants.ack("ada", grant.id).status.value == "expired"
    assert balances(kraty, "ada") == {"gold": 100}


def test_a_grant_is_acked_only_by_its_player(kraty: KratyServer) -> None:
    grant = kraty.grants.create("ada", entries=[CurrencyEntry("gold", 5)], idempotency_key="r1")
    for player, grant_id in (("bo", grant.id), ("ada", "nothing"), ("nobody", grant.id)):
        with pytest.raises(NotFoundError):
            kraty.grants.ack(player, grant_id)


def test_a_grants_key_holds_for_ever_and_for_the_whole_game(kraty: KratyServer, emulator: Emulator) -> None:
    entries = [CurrencyEntry("gold", 5)]
    first = kraty.grants.create("ada", entries=entries, idempotency_key="r1")
    emulator.advance(timedelta(days=400))
    assert kraty.grants.create("ada", entries=entries, idempotency_key="r1") == first
    assert [request.status for request in emulator.requests] == [201, 200]
    for player, other in (("ada", [CurrencyEntry("gold", 6)]), ("bo", entries)):
        with pytest.raises(IdempotencyConflictError):
            kraty.grants.create(player, entries=other, idempotency_key="r1")
    assert told(emulator) == ["grant.created"]


def test_ledgers_never_go_below_zero(kraty: KratyServer, emulator: Emulator) -> None:
    before = emulator.ledger()
    with pytest.raises(ConflictError) as short:
        kraty.wallet.debit("ada", "gold", amount=101)
    assert short.value.details == {"resource": "gold", "needed": 101, "have": 100}
    with pytest.raises(ConflictError):
        kraty.inventory.revoke("bo", "sword", quantity=3)
    assert emulator.ledger() == before
    assert kraty.wallet.debit("ada", "gold", amount=100).balance == 0
    assert kraty.inventory.revoke("bo", "sword", quantity=2).quantity == 0
    assert told(emulator) == ["wallet.changed", "inventory.changed"]


def test_a_balance_never_grows_beyond_what_json_holds(kraty: KratyServer) -> None:
    kraty.wallet.credit("max", "gold", amount=2**53 - 1)
    with pytest.raises(ValidationFailedError):
        kraty.wallet.credit("max", "gold", amount=1)


def test_with_a_catalog_other_keys_are_unknown(kraty: KratyServer, emulator: Emulator) -> None:
    emulator.seed({"catalog": {"currencies": ["gold"], "items": ["sword"]}})
    assert kraty.wallet.credit("ada", "gold", amount=1).applied
    with pytest.raises(NotFoundError):
        kraty.wallet.credit("ada", "gems", amount=1)
    with pytest.raises(NotFoundError):
        kraty.inventory.grant("ada", "shield", quantity=1)
    with pytest.raises(KratyServerError) as unknown:
        kraty.grants.create("ada", entries=[CurrencyEntry("gold", 1), ItemEntry("shield", 1)], idempotency_key="k")
    assert unknown.value.is_invalid_metric
    outcome = kraty.migrate.inventory(
        [{"externalPlayerId": "x", "itemKey": "shield", "quantity": 1, "idempotencyKey": "m"}]
    )
    assert [(f.row_index, f.error.code) for f in outcome.failures] == [(0, "unknown_item")]


def test_a_lobby_forms_starts_and_closes(kraty: KratyServer, emulator: Emulator) -> None:
    lobby = kraty.lobbies.push("game_1", "cup", key="steam-1", external_player_ids=["ada", "new"], metadata={"map": 1})
    assert (lobby.status.value, lobby.capacity, lobby.participant_count, lobby.bot_slots) == ("forming", 3, 2, 1)
    again = kraty.lobbies.push("game_1", "cup", key="steam-1", external_player_ids=["other"])
    assert again == lobby
    emulator.advance(31)
    started = kraty.lobbies.read("game_1", lobby.id)
    assert started.status.value == "active"
    assert started.started_at == lobby.fill_by
    emulator.advance(3600)
    assert kraty.lobbies.read("game_1", lobby.id).status.value == "closed"
    assert told(emulator) == ["lobby.created", "lobby.started", "lobby.closed"]
    assert [r.status for r in emulator.requests][:2] == [201, 200]


def test_a_full_lobby_starts_at_once(kraty: KratyServer, emulator: Emulator) -> None:
    lobby = kraty.lobbies.push("game_1", "cup", key="k", external_player_ids=["a", "b"], capacity=2, fill_bots=False)
    assert (lobby.status.value, lobby.bot_slots) == ("active", 0)
    assert told(emulator) == ["lobby.created", "lobby.started"]


def test_lobbies_refuse_what_cannot_be(kraty: KratyServer) -> None:
    with pytest.raises(ConflictError):
        kraty.lobbies.push("game_1", "solo", key="k", external_player_ids=["a"])
    with pytest.raises(ValidationFailedError):
        kraty.lobbies.push("game_1", "cup", key="k", external_player_ids=["a", "b", "c", "d"])
    for game, event in (("game_1", "nothing"), ("nothing", "cup")):
        with pytest.raises(NotFoundError):
            kraty.lobbies.push(game, event, key="k", external_player_ids=["a"])
    with pytest.raises(NotFoundError):
        kraty.lobbies.read("game_1", "nothing")
    with pytest.raises(ForbiddenError):
        kraty.lobbies.read("game_2", "l")
    with pytest.raises(KratyServerError) as other:
        kraty.lobbies.read("game_3", "l")
    assert other.value.is_tenant_mismatch


def test_scores_are_ranked_by_the_best(kraty: KratyServer) -> None:
    submit = kraty.leaderboards.submit_score
    assert submit("ada", "weekly", 10).rank == 1
    assert submit("bo", "weekly", 12.5).rank == 1
    assert (submit("ada", "weekly", 5).score, submit("ada", "weekly", 5).rank) == (10, 2)
    assert submit("ada", "laps", 61.5).rank == 1
    assert (submit("bo", "laps", 60).rank, submit("bo", "laps", 70).score) == (1, 60)
    assert submit("ada", "weekly", 1, segment="ignored").leaderboard_id == "lb_weekly"


def test_segments_are_ranked_apart(kraty: KratyServer) -> None:
    submit = kraty.leaderboards.submit_score
    assert [submit(p, "regions", 1, segment=s).rank for p, s in (("ada", "EU"), ("bo", "NA"))] == [1, 1]
    with pytest.raises(ValidationFailedError):
        submit("ada", "regions", 1)


def test_scores_refuse_what_cannot_be(kraty: KratyServer) -> None:
    for player, board in (("nobody", "weekly"), ("ada", "nothing")):
        with pytest.raises(NotFoundError):
            kraty.leaderboards.submit_score(player, board, 1)
    with pytest.raises(KratyServerError) as no_score:
        kraty.leaderboards.submit_score("ada", "trophies", 1)
    assert no_score.value.is_score_not_supported
    assert kraty.leaderboards.submit_score("eve", "weekly", 99).rank is None


def test_progress_sets_and_increments_caps_and_fires_milestones_once(kraty: KratyServer, emulator: Emulator) -> None:
    def report(**given: Any) -> Any:
        return kraty.events.report_progress("ada", "hunt", "a_hunt", **given)

    first = report(mode="increment", metric_value=4)
    assert (first.attempt.metrics, first.milestones_fired) == ({"kills": 4, "time": 0}, [])
    second = report(mode="increment", metrics={"kills": 2, "time": 1.5})
    assert [milestone.key for milestone in second.milestones_fired] == ["first"]
    assert second.milestones_fired[0].grants[0].source_kind == "milestone"
    third = report(mode="set", metric_value=15)
    assert third.milestones_fired == []
    assert (third.attempt.score, third.attempt.metrics["kills"], third.attempt.metrics_raw["kills"]) == (10, 10, 15)
    finished = kraty.events.finish("ada", "hunt", "a_hunt")
    assert (finished.outcome.value, finished.attempt.status.value) == ("completed", "completed")
    assert [grant.source_kind for grant in kraty.players.get("ada").recent_grants] == ["completion", "milestone"]
    for call in (lambda: report(mode="set", metric_value=1), lambda: kraty.events.finish("ada", "hunt", "a_hunt")):
        with pytest.raises(KratyServerError) as over:
            call()
        assert over.value.is_code("attempt_finished")


def test_an_attempt_short_of_its_target_expires(kraty: KratyServer) -> None:
    assert kraty.events.finish("ada", "hunt", "a_hunt").outcome.value == "expired"


def test_an_attempt_ends_with_its_window(kraty: KratyServer, emulator: Emulator) -> None:
    emulator.advance(3601)
    with pytest.raises(KratyServerError) as over:
        kraty.events.finish("ada", "hunt", "a_hunt")
    assert over.value.is_code("attempt_finished")


def test_progress_refuses_what_cannot_be(kraty: KratyServer) -> None:
    with pytest.raises(KratyServerError) as metric:
        kraty.events.report_progress("ada", "hunt", "a_hunt", mode="set", metrics={"deaths": 1})
    assert metric.value.is_invalid_metric
    with pytest.raises(KratyServerError) as disabled:
        kraty.events.finish("ada", "off", "a_off")
    assert disabled.value.is_event_disabled
    for player, event, attempt in (("nobody", "hunt", "a_hunt"), ("ada", "x", "a_hunt"), ("bo", "hunt", "a_hunt")):
        with pytest.raises(NotFoundError):
            kraty.events.finish(player, event, attempt)


def test_identity_needs_a_registered_player(kraty: KratyServer) -> None:
    for player in ("nobody", "cy"):
        with pytest.raises(NotFoundError):
            kraty.players.set_identity(player, name="Aria")
    with pytest.raises(ValidationFailedError):
        kraty.players.set_identity("ada", name=" ")
    made = kraty.players.set_identity("ada", name="Aria", avatar="https://cdn.example/a.png").to_dict()
    assert made["displayIdentity"] == {"name": "Aria", "avatar": "https://cdn.example/a.png", "country": "PT"}
    assert made["anonymizedIdentity"]["name"].startswith("Player ")
    assert kraty.players.set_identity("ada", name="Aria").to_dict()["displayIdentity"]["avatar"] is None


def test_bans_apply_once_and_are_told_once(kraty: KratyServer, emulator: Emulator) -> None:
    first, again = kraty.players.ban("ada", reason="bot"), kraty.players.ban("ada", reason="worse")
    assert (first.applied, again.applied, again.reason, again.banned_at) == (True, False, "worse", first.banned_at)
    assert kraty.wallet.credit("ada", "gold", amount=1).applied
    assert (kraty.players.unban("ada").applied, kraty.players.unban("ada").applied) == (True, False)
    assert told(emulator) == ["player.banned", "wallet.changed"]
    for call in (lambda: kraty.players.ban("nobody", reason="x"), lambda: kraty.players.unban("nobody")):
        with pytest.raises(NotFoundError):
            call()


def test_erasure_has_three_statuses_and_keeps_the_ledgers(kraty: KratyServer, emulator: Emulator) -> None:
    kraty.leaderboards.submit_score("ada", "weekly", 1)
    kraty.lobbies.push("game_1", "cup", key="k", external_player_ids=["ada"])
    erased = kraty.players.delete("ada", reason="studio_request")
    counts = (erased.attempts_anonymized, erased.lobbies_anonymized, erased.leaderboards_scrubbed)
    assert (erased.status.value, counts) == ("erased", (2, 1, 1))
    assert erased.anonymized_external_id is not None
    assert erased.anonymized_external_id.startswith("__deleted_")
    again = kraty.players.delete("ada")
    assert (again.status.value, again.player_id, again.deleted_at) == (
        "no_op_already_erased",
        erased.player_id,
        erased.deleted_at,
    )
    assert kraty.players.delete("nobody").status.value == "no_op_never_existed"
    with pytest.raises(NotFoundError):
        kraty.players.get("ada")
    export = kraty.players.export(erased.anonymized_external_id)
    assert (export.player.deleted_at, export.player.last_context_snapshot) == (erased.deleted_at, None)
    assert export.wallet[0]["balance"] == 100
    assert kraty.players.friends("bo") == []
    deleted = [d for d in emulator.deliveries if d.event == "player.deleted"]
    assert [d.envelope["data"]["externalPlayerId"] for d in deleted] == ["ada"]


def test_an_export_holds_all_there_is(kraty: KratyServer) -> None:
    kraty.grants.create("ada", entries=[CurrencyEntry("gold", 1)], idempotency_key="k")
    kraty.lobbies.push("game_1", "cup", key="k", external_player_ids=["ada"])
    export = kraty.players.export("ada")
    assert (export.schema_version, export.player.external_player_id) == (1, "ada")
    assert export.player.last_context_snapshot == {"level": 3}
    assert [len(part) for part in (export.attempts, export.grants, export.wallet, export.inventory, export.lobbies)] == [
        2, 1, 1, 0, 1]  # fmt: skip
    with pytest.raises(NotFoundError):
        kraty.players.export("nobody")


def test_a_merge_sums_balances_and_moves_everything(kraty: KratyServer, emulator: Emulator) -> None:
    kraty.wallet.credit("guest", "gold", amount=7)
    kraty.inventory.grant("guest", "sword", quantity=1)
    kraty.grants.create("guest", entries=[CurrencyEntry("gold", 1)], idempotency_key="g")
    kraty.leaderboards.submit_score("guest", "weekly", 3)
    kraty.lobbies.push("game_1", "cup", key="k", external_player_ids=["guest", "ada"])
    merged = kraty.players.merge("guest", "ada")
    assert merged.status.value == "merged"
    assert merged.anonymized_external_player_id is not None
    assert merged.anonymized_external_player_id.startswith("__merged_")
    assert merged.counts.to_dict() == {
        "attemptsReassigned": 0, "grantsReassigned": 1, "itemsMerged": 1, "itemLedgerRowsMoved": 1,
        "walletsMerged": 1, "walletLedgerRowsMoved": 1, "lobbiesTouched": 1, "leaderboardsScrubbed": 1,
    }  # fmt: skip
    assert balances(kraty, "ada") == {"gold": 107}
    assert items(kraty, "ada") == {"sword": 1}
    assert len(emulator.ledger("ada")) == 3
    again = kraty.players.merge("guest", "bo")
    assert (again.status.value, again.to_external_player_id, again.merged_at) == (
        "no_op_already_merged",
        "ada",
        merged.merged_at,
    )
    assert set(again.counts.to_dict().values()) == {0}
    with pytest.raises(NotFoundError):
        kraty.players.get("guest")
    assert kraty.wallet.credit("guest", "gold", amount=1).balance == 1  # its id is free again


def test_a_merge_that_cannot_be_is_422_conflict(kraty: KratyServer) -> None:
    kraty.players.delete("bo")
    for source, target in (("ada", "ada"), ("ada", "eve"), ("ada", "bo")):
        with pytest.raises(KratyServerError) as refused:
            kraty.players.merge(source, target)
        assert (refused.value.status, refused.value.code, refused.value.is_conflict) == (422, "conflict", True)
    for source, target in (("nobody", "ada"), ("ada", "nobody")):
        with pytest.raises(NotFoundError):
            kraty.players.merge(source, target)


def test_friends_requests_and_blocks_are_read(kraty: KratyServer) -> None:
    friend = kraty.players.friends("ada")[0]
    assert (friend.external_player_id, friend.online, friend.status) == ("bo", True, "in_match")
    assert [f.external_player_id for f in kraty.players.friends("bo")] == ["ada"]
    requests = kraty.players.friend_requests("ada")
    assert ([r.player.external_player_id for r in requests.incoming], requests.outgoing) == (["cy"], [])
    assert kraty.players.friend_requests("cy").outgoing[0].direction.value == "outgoing"
    assert [b.external_player_id for b in kraty.players.blocks("ada")] == ["eve"]
    for read in (kraty.players.friends, kraty.players.friend_requests, kraty.players.blocks):
        with pytest.raises(NotFoundError):
            read("nobody")


def test_migrated_rows_are_applied_skipped_or_failed_and_never_told(kraty: KratyServer, emulator: Emulator) -> None:
    rows: list[dict[str, Any]] = [
        {"externalPlayerId": f"m{n}", "economyKey": "gold", "amount": n + 1, "idempotencyKey": f"w{n}"}
        for n in range(3)
    ]
    first = kraty.migrate.wallet(rows)
    assert (first.applied, first.skipped, first.failed) == (3, 0, 0)
    rows[1] = rows[1] | {"amount": 9}
    again = kraty.migrate.wallet([*rows, rows[0]])
    assert (again.applied, again.skipped, again.failed) == (0, 3, 1)
    assert [(f.row_index, f.external_player_id, f.error.code) for f in again.failures] == [
        (1, "m1", "idempotency_conflict")
    ]
    assert balances(kraty, "m1") == {"gold": 2}
    kraty.migrate.players([{"externalPlayerId": "cy", "contextSnapshot": {"a": 1}, "idempotencyKey": "p"}])
    assert kraty.players.set_identity("cy", name="Cy").display_identity is not None
    inventory = kraty.migrate.inventory(
        [{"externalPlayerId": "m0", "itemKey": "axe", "quantity": 1, "parameters": {"lvl": 3}, "idempotencyKey": "i"}]
    )
    assert inventory.applied == 1
    assert kraty.players.get("m0").inventory[0].metadata == {"lvl": 3}
    assert told(emulator) == []
