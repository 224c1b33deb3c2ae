"""The server SDK for Kraty game events: grants, wallets, items, lobbies, scores and players, from your backend.

Server-side only: the `server_integration` key can mint currency and items. Nothing happens at import, and what needs
an HTTP client is imported when it is first asked for.

PYTEST_DONT_REWRITE: pytest would warn of this package where it was imported first, since it brings a plugin along.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` takes longer to import than this package
if TYPE_CHECKING:
    from kraty_server.client import AsyncKratyServer, KratyServer
    from kraty_server.errors import (
        AntiCheatRejectedError,
        AttemptFinishedError,
        ConflictError,
        EventDisabledError,
        ForbiddenError,
        IdempotencyConflictError,
        InternalServerError,
        InvalidMetricError,
        KratyClosedError,
        KratyError,
        KratyNetworkError,
        KratyServerError,
        KratyTimeoutError,
        NoActiveWindowError,
        NoLeaderboardError,
        NotFoundError,
        Outcome,
        PlayerBannedError,
        RateLimitedError,
        ScoreNotSupportedError,
        SessionInvalidError,
        TenantMismatchError,
        UnauthenticatedError,
        ValidationFailedError,
    )
    from kraty_server.retry import RetryConfig
    from kraty_server.telemetry import OnRequest, RequestInfo
    from kraty_server.webhooks import verify_webhook
    from kraty_server_generated.models import (
        CrateEntry,
        CurrencyEntry,
        ItemEntry,
        MigrateInventoryRow,
        MigratePlayerRow,
        MigrateWalletRow,
    )
    from kraty_server_generated.types import UNSET, Unset

    __version__: str

_HOMES = (
    "kraty_server.errors",
    "kraty_server.retry",
    "kraty_server.telemetry",
    "kraty_server.webhooks",
    "kraty_server_generated.types",
    "kraty_server_generated.models",
)
_CLIENTS = ("kraty_server.client",)


def __getattr__(name: str) -> object:
    if name == "__version__":
        from kraty_server._options import sdk_version

        return sdk_version()
    if name in __all__:
        from importlib import import_module

        for home in _CLIENTS if name in ("KratyServer", "AsyncKratyServer") else _HOMES:
            if hasattr(module := import_module(home), name):
                globals()[name] = found = getattr(module, name)
                return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "UNSET",
    "AntiCheatRejectedError",
    "AsyncKratyServer",
    "AttemptFinishedError",
    "ConflictError",
    "CrateEntry",
    "CurrencyEntry",
    "EventDisabledError",
    "ForbiddenError",
    "IdempotencyConflictError",
    "InternalServerError",
    "InvalidMetricError",
    "ItemEntry",
    "KratyClosedError",
    "KratyError",
    "KratyNetworkError",
    "KratyServer",
    "KratyServerError",
    "KratyTimeoutError",
    "MigrateInventoryRow",
    "MigratePlayerRow",
    "MigrateWalletRow",
    "NoActiveWindowError",
    "NoLeaderboardError",
    "NotFoundError",
    "OnRequest",
    "Outcome",
    "PlayerBannedError",
    "RateLimitedError",
    "RequestInfo",
    "RetryConfig",
    "ScoreNotSupportedError",
    "SessionInvalidError",
    "TenantMismatchError",
    "UnauthenticatedError",
    "Unset",
    "ValidationFailedError",
    "__version__",
    "verify_webhook",
]
