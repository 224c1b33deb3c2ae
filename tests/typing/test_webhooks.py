"""What type checkers know of webhooks: handlers get their event and what `once` hands on, and nothing else. Not run."""

# Each of them complains of a mark that refuses nothing, too.
# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, assert_type

from kraty_server.models import Grant
from kraty_server.webhooks import (
    AsyncWebhooks,
    DeliveryInfo,
    GrantCreated,
    PlayerBanned,
    WalletChanged,
    WebhookError,
    WebhookEvent,
    Webhooks,
    read_event,
    verify_webhook,
)

if TYPE_CHECKING:

    class Session:
        """A connection of somebody's library."""

    def once(event: WebhookEvent, handle: Callable[[sqlite3.Connection], object]) -> bool:
        raise NotImplementedError

    async def once_async(event: WebhookEvent, handle: Callable[[Session, int], Awaitable[object]]) -> bool:
        raise NotImplementedError

    def once_alone(event: WebhookEvent, handle: Callable[[], object]) -> bool:
        raise NotImplementedError

    def observed(info: DeliveryInfo) -> None:
        assert_type(info.event, WebhookEvent | None)
        assert_type(info.duration_ms, float)

    async def observed_later(info: DeliveryInfo) -> None: ...

    def plain(body: bytes, headers: dict[str, str]) -> None:
        kraty = Webhooks("s", on_delivery=observed)
        assert_type(kraty, Webhooks[()])
        assert_type(Webhooks(), Webhooks[()])
        assert_type(Webhooks(["old", b"new"], once=once_alone), Webhooks[()])
        assert_type(kraty.read(body, headers), WebhookEvent)
        assert_type(kraty.handle(body, [(b"x-signature", b"")]), int)
        assert_type(kraty.dispatch(read_event({})), Literal["handled", "duplicate", "unhandled"])

        @kraty.on(WalletChanged)
        def wallet(event: WalletChanged) -> int:
            assert_type(event.data.delta, float)
            assert_type(event.data.reason, str | None)
            assert_type(event.occurred_at, datetime)
            return 5

        assert_type(wallet(WalletChanged.from_dict({})), int)

        @kraty.on("season.ended")
        def season(event: WebhookEvent) -> None:
            assert_type(event.data, Any)

        @kraty.on(WebhookEvent)
        def rest(event: WebhookEvent) -> None: ...

        @kraty.on(WalletChanged)
        def wider(event: WebhookEvent) -> None: ...

        @kraty.on(WalletChanged)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        def another(event: PlayerBanned) -> None: ...

        @kraty.on("wallet.changed")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        def by_name(event: WalletChanged) -> None: ...

        @kraty.on(GrantCreated)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        def too_much(event: GrantCreated, connection: sqlite3.Connection) -> None: ...

        kraty.on(Session)  # type: ignore[type-var]  # pyright: ignore[reportCallIssue, reportArgumentType]
        Webhooks("s", on_delivery=observed_later)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        Webhooks("s", once=once_async)  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]
        Webhooks(5)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]

    def with_a_connection() -> None:
        kraty = Webhooks("s", once=once)
        assert_type(kraty, Webhooks[sqlite3.Connection])

        @kraty.on(GrantCreated)
        def granted(event: GrantCreated, connection: sqlite3.Connection) -> None:
            assert_type(event.data.grant, Grant)

        @kraty.on(WebhookEvent)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        def missing(event: WebhookEvent) -> None: ...

        @kraty.on("season.ended")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        def other(event: WebhookEvent, connection: Session) -> None: ...

    async def awaited(body: bytes, headers: dict[str, str]) -> None:
        kraty = AsyncWebhooks("s", once=once_async, on_delivery=observed_later)
        assert_type(kraty, AsyncWebhooks[Session, int])
        assert_type(AsyncWebhooks(on_delivery=observed), AsyncWebhooks[()])
        assert_type(await kraty.handle(body, headers), int)
        assert_type(await kraty.dispatch(kraty.read(body, headers)), Literal["handled", "duplicate", "unhandled"])

        @kraty.on(WalletChanged)
        async def wallet(event: WalletChanged, session: Session, number: int) -> None: ...

        @kraty.on(PlayerBanned)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        def blocking(event: PlayerBanned, session: Session, number: int) -> None: ...

        @kraty.on(GrantCreated)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        async def missing(event: GrantCreated, session: Session) -> None: ...

        AsyncWebhooks("s", once=once)  # type: ignore[arg-type]  # pyright: ignore[reportCallIssue, reportArgumentType]

    def refused(error: WebhookError) -> None:
        assert_type(error.status, int)
        assert error.reason != "nonsense"  # type: ignore[comparison-overlap]
        assert_type(verify_webhook(raw_body=b"", signature_header=None, secret=["old", "new"]), bool)
