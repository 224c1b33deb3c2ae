"""The server SDK for Kraty game events: grants, wallets, items, lobbies, scores and players, from your backend.

Server-side only: the `server_integration` key can mint currency and items. Nothing happens at import, and what needs
an HTTP client is imported when it is first asked for.

PYTEST_DONT_REWRITE: pytest would warn of this package where it was imported first, since it brings a plugin along.
"""

from __future__ import annotations

TYPE_CHECKING = False  # `typing` takes longer to import than this package
if TYPE_CHECKING:  # the table below once more, for type checkers
    from kraty_server._version import __version__ as __version__
    from kraty_server.client import AsyncKratyServer as AsyncKratyServer
    from kraty_server.client import KratyServer as KratyServer
    from kraty_server.errors import AntiCheatRejectedError as AntiCheatRejectedError
    from kraty_server.errors import AttemptFinishedError as AttemptFinishedError
    from kraty_server.errors import ConflictError as ConflictError
    from kraty_server.errors import Decision as Decision
    from kraty_server.errors import EventDisabledError as EventDisabledError
    from kraty_server.errors import ForbiddenError as ForbiddenError
    from kraty_server.errors import IdempotencyConflictError as IdempotencyConflictError
    from kraty_server.errors import InternalServerError as InternalServerError
    from kraty_server.errors import InvalidMetricError as InvalidMetricError
    from kraty_server.errors import KratyClosedError as KratyClosedError
    from kraty_server.errors import KratyError as KratyError
    from kraty_server.errors import KratyNetworkError as KratyNetworkError
    from kraty_server.errors import KratyServerError as KratyServerError
    from kraty_server.errors import KratyTimeoutError as KratyTimeoutError
    from kraty_server.errors import NoActiveWindowError as NoActiveWindowError
    from kraty_server.errors import NoLeaderboardError as NoLeaderboardError
    from kraty_server.errors import NotFoundError as NotFoundError
    from kraty_server.errors import Outcome as Outcome
    from kraty_server.errors import PlayerBannedError as PlayerBannedError
    from kraty_server.errors import RateLimitedError as RateLimitedError
    from kraty_server.errors import ScoreNotSupportedError as ScoreNotSupportedError
    from kraty_server.errors import SessionInvalidError as SessionInvalidError
    from kraty_server.errors import TenantMismatchError as TenantMismatchError
    from kraty_server.errors import UnauthenticatedError as UnauthenticatedError
    from kraty_server.errors import ValidationFailedError as ValidationFailedError
    from kraty_server.models import CrateEntry as CrateEntry
    from kraty_server.models import CurrencyEntry as CurrencyEntry
    from kraty_server.models import GrantEntry as GrantEntry
    from kraty_server.models import ItemEntry as ItemEntry
    from kraty_server.models import MigrateInventoryRow as MigrateInventoryRow
    from kraty_server.models import MigratePlayerRow as MigratePlayerRow
    from kraty_server.models import MigrateWalletRow as MigrateWalletRow
    from kraty_server.retry import RetryConfig as RetryConfig
    from kraty_server.telemetry import AsyncOnRequest as AsyncOnRequest
    from kraty_server.telemetry import OnRequest as OnRequest
    from kraty_server.telemetry import RequestInfo as RequestInfo
    from kraty_server.webhooks import verify_webhook as verify_webhook
    from kraty_server_generated.types import UNSET as UNSET
    from kraty_server_generated.types import Unset as Unset

_HOMES = {
    "kraty_server._version": "__version__",
    "kraty_server.client": "AsyncKratyServer KratyServer",
    "kraty_server.errors": """
        AntiCheatRejectedError AttemptFinishedError ConflictError Decision EventDisabledError ForbiddenError
        IdempotencyConflictError InternalServerError InvalidMetricError KratyClosedError KratyError
        KratyNetworkError KratyServerError KratyTimeoutError NoActiveWindowError NoLeaderboardError
        NotFoundError Outcome PlayerBannedError RateLimitedError ScoreNotSupportedError SessionInvalidError
        TenantMismatchError UnauthenticatedError ValidationFailedError
    """,
    "kraty_server.models": """
        CrateEntry CurrencyEntry GrantEntry ItemEntry MigrateInventoryRow MigratePlayerRow MigrateWalletRow
    """,
    "kraty_server.retry": "RetryConfig",
    "kraty_server.telemetry": "AsyncOnRequest OnRequest RequestInfo",
    "kraty_server.webhooks": "verify_webhook",
    "kraty_server_generated.types": "UNSET Unset",
}
"""All public names, by the module that they are imported from when one of them is asked for."""

_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}
if not TYPE_CHECKING:  # they see what is imported above
    __all__ = sorted(_HOME_OF)


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    globals()[name] = found = getattr(import_module(_HOME_OF[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
