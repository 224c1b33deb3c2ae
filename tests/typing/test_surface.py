"""What type checkers know of the public surface. Checked, not run; a release is also checked against the next one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, assert_type

import httpx
import httpx2

from kraty_server import (
    AsyncKratyServer,
    CrateEntry,
    CurrencyEntry,
    GrantEntry,
    ItemEntry,
    KratyError,
    KratyServer,
    KratyServerError,
    MigratePlayerRow,
    MigrateWalletRow,
    RequestInfo,
    RetryConfig,
    verify_webhook,
)
from kraty_server.models import (
    AdjustItemResult,
    AdjustWalletResult,
    BanPlayerResult,
    BlockedPlayer,
    DeletePlayerResult,
    FinishAttemptResult,
    Friend,
    FriendRequests,
    Grant,
    Lobby,
    MergePlayerResult,
    MigrateOutcome,
    PlayerExport,
    PlayerSnapshot,
    ReportProgressResult,
    SetIdentityResult,
    SubmitScoreResult,
    UnbanPlayerResult,
    WalletBalance,
)
from kraty_server.resources.players import AsyncPlayers, Players
from kraty_server.resources.wallet import AsyncWallet, Wallet

if TYPE_CHECKING:

    async def observed_later(info: RequestInfo) -> None:
        assert_type(info.ok, bool)

    def observed(info: RequestInfo) -> None:
        assert_type(info.operation, str)
        assert_type(info.idempotency_key, str | None)
        assert_type(info.status, int | None)
        assert_type(info.error, Exception | None)

    def clients() -> None:
        retry = RetryConfig(attempts=2, initial_delay=0.1, max_delay=1, jitter=0)
        with KratyServer(api_key="a.b", base_url="https://x", timeout=1, deadline=2, retry=retry) as kraty:
            assert_type(kraty, KratyServer)
            assert_type(kraty.with_options(timeout=3, retry=retry, headers={"a": "b"}), KratyServer)
            assert_type(kraty.request("POST", "/server/v1/new", {"a": 1}), Any)
        KratyServer(http_client=httpx.Client(), on_request=observed, generate_idempotency_key=lambda: "key")
        KratyServer(strict_responses=True, allow_http=True).close()
        AsyncKratyServer(on_request=observed_later).with_options(on_request=observed).with_options(on_request=None)
        KratyServer(on_request=observed_later)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # nobody awaits it
        kraty.with_options(on_request=observed_later)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # nobody awaits it
        KratyServer(http_client=httpx2.Client())
        AsyncKratyServer(http_client=httpx.AsyncClient())
        AsyncKratyServer(http_client=httpx2.AsyncClient(), transport=None)
        AsyncKratyServer(transport="aiohttp")
        AsyncKratyServer(transport=httpx.AsyncHTTPTransport(), http2=True)
        KratyServer(http_client=httpx.AsyncClient())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # it blocks
        AsyncKratyServer(http_client=httpx2.Client())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # it awaits

    def resources(kraty: KratyServer, awaited: AsyncKratyServer) -> None:
        assert_type(kraty.wallet, Wallet)
        assert_type(awaited.wallet, AsyncWallet)
        assert_type(kraty.with_options(timeout=3).players, Players)
        assert_type(awaited.with_options(timeout=3).players, AsyncPlayers)
        assert_type(KratyServer.wallet, type[Wallet])
        assert_type(AsyncKratyServer.wallet, type[AsyncWallet])
        kraty.wallet.credit("p", "gold", 5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # amount=

    class Ours(KratyServer):
        """A client of somebody's own."""

    def subclasses(kraty: Ours) -> None:
        assert_type(kraty.wallet, Wallet)
        assert_type(kraty.with_options(timeout=3), Ours)

    def calls(kraty: KratyServer, rows: list[MigratePlayerRow]) -> None:
        grant = kraty.grants.create(
            "p",
            entries=[CurrencyEntry("gold", 5), ItemEntry("sword", 1), CrateEntry("box", 1)],
            idempotency_key="k",
            kind="reward",
            expires_at=datetime.now(),
            source_kind="api",
            source_ref_id="r",
            metadata={"a": 1},
        )
        assert_type(grant, Grant)
        assert_type(grant.id, str)
        assert_type(grant.created_at, datetime)
        assert_type(grant.claimed_at, datetime | None)
        assert_type(grant.contents, dict[str, Any])
        kraty.grants.create("p", entries=[{"type": "currency"}], idempotency_key="k")
        assert_type(kraty.grants.ack("p", "g", idempotency_key="k"), Grant)
        assert_type(kraty.inventory.grant("p", "sword", quantity=1, reason="r"), AdjustItemResult)
        assert_type(kraty.inventory.revoke("p", "sword", quantity=1, source_ref_id="r"), AdjustItemResult)
        credited = kraty.wallet.credit("p", "gold", amount=5, reason="r", source_ref_id="s", idempotency_key="k")
        assert_type(credited, AdjustWalletResult)
        assert_type(credited.applied, bool)
        assert_type(kraty.wallet.debit("p", "gold", amount=5), AdjustWalletResult)
        assert_type(kraty.lobbies.push("g", "e", key="k", external_player_ids=["p"], capacity=4), Lobby)
        assert_type(kraty.lobbies.read("g", "l"), Lobby)
        assert_type(kraty.leaderboards.submit_score("p", "weekly", 5.5, segment="eu"), SubmitScoreResult)
        assert_type(kraty.events.report_progress("p", "e", "a", mode="set", metric_value=1), ReportProgressResult)
        assert_type(kraty.events.report_progress("p", "e", "a", mode="set", metrics={"m": 1}), ReportProgressResult)
        assert_type(kraty.events.finish("p", "e", "a"), FinishAttemptResult)
        snapshot = kraty.players.get("p")
        assert_type(snapshot, PlayerSnapshot)
        assert_type(snapshot.wallet, list[WalletBalance])
        assert_type(kraty.players.set_identity("p", name="n", avatar=None), SetIdentityResult)
        assert_type(kraty.players.delete("p", reason="test"), DeletePlayerResult)
        assert_type(kraty.players.export("p"), PlayerExport)
        assert_type(kraty.players.ban("p", reason="r"), BanPlayerResult)
        assert_type(kraty.players.unban("p"), UnbanPlayerResult)
        assert_type(kraty.players.merge("p", "q"), MergePlayerResult)
        assert_type(kraty.players.friends("p"), list[Friend])
        assert_type(kraty.players.friend_requests("p"), FriendRequests)
        assert_type(kraty.players.blocks("p"), list[BlockedPlayer])
        assert_type(kraty.migrate.players(rows), MigrateOutcome)
        assert_type(kraty.migrate.wallet([MigrateWalletRow("p", "gold", 5, "k")]), MigrateOutcome)
        assert_type(kraty.migrate.inventory([{"externalPlayerId": "p"}]), MigrateOutcome)
        assert_type(kraty.health.ping().ok, bool)

    PRODUCTS: dict[str, list[GrantEntry]] = {
        "starter_pack": [CurrencyEntry("gold", 500), ItemEntry("sword", 1), CrateEntry("box", 1)],
        "gems_100": [{"type": "currency", "currencyKey": "gems", "amount": 100}],
    }

    def products(kraty: KratyServer) -> None:
        kraty.grants.create("p", entries=PRODUCTS["starter_pack"], idempotency_key="k")
        kraty.grants.create("p", entries=[*PRODUCTS["gems_100"], CurrencyEntry("gold", 5)], idempotency_key="k")

    async def awaited(kraty: AsyncKratyServer) -> None:
        async with AsyncKratyServer(api_key="a.b", http_client=httpx.AsyncClient()) as made:
            assert_type(made, AsyncKratyServer)
        assert_type(await kraty.wallet.credit("p", "gold", amount=5), AdjustWalletResult)
        assert_type(await kraty.grants.create("p", entries=[], idempotency_key="k"), Grant)
        assert_type(await kraty.players.get("p"), PlayerSnapshot)
        assert_type(await kraty.players.friends("p"), list[Friend])
        assert_type(await kraty.migrate.players([]), MigrateOutcome)
        assert_type(kraty.with_options(deadline=5), AsyncKratyServer)
        await kraty.aclose()

    def errors(error: KratyError) -> None:
        assert_type(error.is_retryable, bool)
        if isinstance(error, KratyServerError):
            assert_type(error.status, int)
            assert_type(error.code, str)
            assert_type(error.is_idempotency_conflict, bool)

    def webhooks(body: bytes) -> None:
        assert_type(verify_webhook(raw_body=body, signature_header=None, secret="s"), bool)
        assert_type(verify_webhook(raw_body=body, signature_header="t=1,v1=0", secret="s", tolerance_seconds=60), bool)
