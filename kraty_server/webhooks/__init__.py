"""Webhooks: is this delivery from Kraty? Needs no HTTP client."""

from kraty_server.webhooks.signature import verify_webhook

__all__ = ["verify_webhook"]
