# DO NOT EDIT: generated from openapi.server.json by `make generate`.
"""Calls of health: each function checks its arguments and says what to send."""

from __future__ import annotations

from kraty_server_generated import models as m
from kraty_server_generated.types import Call


def ping() -> Call[m.ServerPingResponse]:
    """Ask who the key belongs to: `GET /server/v1/ping`."""
    return Call("health.ping", "GET", "/server/v1/ping", "/server/v1/ping", m.ServerPingResponse)
