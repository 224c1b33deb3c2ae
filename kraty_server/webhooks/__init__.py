"""Webhooks: is this delivery from Kraty, what does it say, and who handles it? Needs no HTTP client.

`verify_webhook` costs next to nothing to import. The rest is loaded when it is first asked for.
"""

from __future__ import annotations

from kraty_server.webhooks.signature import verify_webhook as verify_webhook

TYPE_CHECKING = False  # `typing` takes longer to import than this package
if TYPE_CHECKING:
    from kraty_server.webhooks.asgi import WebhookApp as WebhookApp
    from kraty_server.webhooks.receiver import AsyncWebhooks as AsyncWebhooks
    from kraty_server.webhooks.receiver import DeliveryInfo as DeliveryInfo
    from kraty_server.webhooks.receiver import WebhookError as WebhookError
    from kraty_server.webhooks.receiver import Webhooks as Webhooks
    from kraty_server_generated.events import *  # noqa: F403  (every event, by its __all__)


def __getattr__(name: str) -> object:
    if name == "__all__" or not name.startswith("_"):
        from kraty_server.webhooks.asgi import WebhookApp
        from kraty_server.webhooks.receiver import AsyncWebhooks, DeliveryInfo, WebhookError, Webhooks
        from kraty_server_generated import events

        found = {one.__name__: one for one in (AsyncWebhooks, DeliveryInfo, WebhookApp, WebhookError, Webhooks)}
        found |= {one: getattr(events, one) for one in events.__all__}
        globals().update(found, __all__=["verify_webhook", *found])
    if name not in globals():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return globals()[name]


def __dir__() -> list[str]:
    __getattr__("__all__")
    return sorted(globals())
