"""Write the table of docs/workers.md: what each code and each cause makes a worker do. python -m tests.decisions."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx

from kraty_server import KratyError, KratyServer, RetryConfig
from kraty_server.errors import BY_CODE
from kraty_server.webhooks import WebhookError
from kraty_server.webhooks.receiver import REFUSALS
from tests.readme import put

PAGE = Path(__file__).parents[1] / "docs" / "workers.md"
Reply = httpx.Response | Exception


def envelope(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": "no"}})


def page(status: int) -> httpx.Response:
    return httpx.Response(status, html="<html>")


def balance(of: str, value: object) -> httpx.Response:
    return httpx.Response(200, json={"data": {"economyKey": of, "balance": value, "applied": True}})


def untrusted() -> Exception:
    error = httpx.ConnectError("certificate")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    return error


CAUSES: dict[str, list[Reply]] = {
    "nobody listens, no such host, no connection in time": [httpx.ConnectError("refused")],
    "the server's certificate is not trusted": [untrusted()],
    "the connection broke before the answer was whole": [httpx.ReadError("reset")],
    "no answer within `timeout` or `deadline`": [httpx.ReadTimeout("slow")],
    "a 2xx that is not Kraty's: a page, no JSON, nothing": [page(200)],
    "a 2xx that answers another call": [balance("gems", 5)],
    "a 2xx with an error in it": [envelope(200, "not_found")],
    "a 2xx of Kraty's that cannot be read (`applied`)": [
        httpx.Response(200, json={"data": {"economyKey": "gold", "applied": True}})
    ],
    "a redirect": [httpx.Response(302, headers={"location": "https://elsewhere.example"})],
    "a 4xx that is not Kraty's: no such route, a firewall's page": [page(404)],
    "408, 425 or 429 that is not Kraty's": [page(429)],
    "500, 502, 503 or 504, whoever says it": [page(503)],
    "another 5xx": [page(520)],
    "a code newer than this SDK, with 401, 402 or 403": [envelope(403, "plan_expired")],
    "a code newer than this SDK, with another 4xx": [envelope(422, "too_shiny")],
    "a refusal, after the answer to an earlier attempt of the call was lost": [
        httpx.ReadError("reset"),
        envelope(404, "not_found"),
    ],
}
"""What comes of a call, and what a transport has to do for it, attempt by attempt."""


def error_of(*replies: Reply) -> KratyError:
    """The error of a call whose attempts get these replies."""
    remaining = list(replies)

    def handle(request: httpx.Request) -> httpx.Response:
        reply = remaining.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    with KratyServer(
        api_key="prefix.secret",
        base_url="https://kraty.test",
        transport=httpx.MockTransport(handle),
        retry=RetryConfig(attempts=len(replies), initial_delay=0.0),
        strict_responses=True,
    ) as kraty:
        try:
            kraty.wallet.credit("player_42", "gold", amount=5, idempotency_key="receipt")
        except KratyError as error:
            assert remaining == []
            return error
    raise AssertionError(f"no error: {replies}")


def closed() -> KratyError:
    """The error of a client that was closed."""
    kraty = KratyServer(api_key="prefix.secret", base_url="https://kraty.test")
    kraty.close()
    try:
        kraty.health.ping()
    except KratyError as error:
        return error
    raise AssertionError("no error")


def status_of(code: str) -> int:
    """The status that the class of a code names first."""
    found = re.match(r"\d{3}", BY_CODE[code].__doc__ or "")
    return int(found[0]) if found else 500 if code == "internal_error" else 409


def rows() -> Iterator[tuple[str, str]]:
    """Each code and each cause, with the decision of the error that comes of it."""
    for code in BY_CODE:
        yield f"`{code}`", error_of(envelope(status_of(code), code)).decision
    for cause, replies in CAUSES.items():
        yield cause, error_of(*replies).decision
    yield "the client was closed", closed().decision
    for reason in REFUSALS:
        yield f"a webhook is refused: `{reason}`", WebhookError(reason).decision
    yield "an error that you made, or that a queue rebuilt from its arguments", KratyError("by hand").decision


def derived(text: str) -> str:
    """The page as it should be."""
    lines = [f"| {what} | `{decision}` |" for what, decision in rows()]
    return put(text, "decisions", "\n".join(["| code or cause | `decision` |", "|---|---|", *lines]))


if __name__ == "__main__":
    PAGE.write_text(derived(PAGE.read_text("utf-8")), "utf-8")
