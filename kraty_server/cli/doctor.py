"""`kraty doctor`: why does it not work? Key, environment, game, host, clock, versions, variables, proxies."""

from __future__ import annotations

import os
import platform
import ssl
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from importlib import metadata
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from kraty_server import _options
from kraty_server._flow import flow
from kraty_server._http.certificates import NAMED as CERTIFICATES
from kraty_server._http.messages import Answer, Flow
from kraty_server._http.proxies import find_proxy
from kraty_server._version import __version__
from kraty_server.cli import terminal
from kraty_server.cli.connection import show_log
from kraty_server.cli.credentials import read_secret, secret_source
from kraty_server.cli.exits import CommandError, Exit, exit_for
from kraty_server.client import KratyServer
from kraty_server.errors import KratyError
from kraty_server.webhooks.receiver import SECRET_VARIABLE
from kraty_server_generated.api import health
from kraty_server_generated.models import ServerPingResponse

T = TypeVar("T")
PACKAGES: Final = ("httpx", "httpcore", "h11", "attrs", "aiohttp", "h2", "msgspec")
MAX_SKEW: Final = 5.0
"""Seconds by which a clock may be wrong before that is called a problem."""
SHOWN: Final = (
    f"{_options.KEY_VARIABLE}_FILE",
    f"{SECRET_VARIABLE}_FILE",
    _options.TRANSPORT_VARIABLE,
    _options.ALLOW_HTTP_VARIABLE,
    _options.JSON_VARIABLE,
)
"""Variables of ours that are no secrets."""
SECRETS: Final = (_options.KEY_VARIABLE, SECRET_VARIABLE)
URLS: Final = ("http_proxy", "https_proxy", "all_proxy", _options.BASE_URL_VARIABLE.lower())
"""Variables that may hold a password."""
LABELS: Final = {"may_do": "may do", "seconds_ahead": "seconds ahead"}
"""What people read, where JSON has another name."""


def doctor_arguments(parser: ArgumentParser) -> None:
    """Describe `doctor`."""
    parser.set_defaults(run=_doctor)


class _RecordingClient(KratyServer):
    """A client that remembers when it asked, when it was answered, and what the answer was."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.answers: list[tuple[float, float, Answer]] = []

    def ping(self) -> ServerPingResponse:
        """Ask who the key belongs to."""
        steps = self._observe(flow(health.ping(), self._options))
        return self._connections.run(steps, self._options)

    def _observe(self, steps: Flow[T]) -> Flow[T]:
        step = next(steps)
        while True:
            asked_at = time.time()
            reply = yield step
            if isinstance(reply, Answer):
                self.answers.append((asked_at, time.time(), reply))
            try:
                step = steps.send(reply)
            except StopIteration as end:
                result: T = end.value
                return result


def _doctor(given: Namespace) -> Exit:
    problems: list[str] = []
    host = _host(problems)
    key, clock, code = _call(problems)
    if problems and code == Exit.DONE:
        code = Exit.ERROR
    facts = {"key": key, "host": host, "clock": clock, "variables": _variables(os.environ), "versions": _versions()}
    if given.json:
        terminal.write_json(facts | {"problems": problems})
        return code
    for title, rows in facts.items():
        if rows:
            terminal.heading(title.capitalize())
            terminal.fields([(LABELS.get(name, name), terminal.cell(value)) for name, value in rows.items()])
            terminal.write("")
    for problem in problems:
        terminal.write(f"Problem: {terminal.plain(problem)}", "red")
    if not problems:
        terminal.write("No problem was found.")
    return code


def _versions() -> dict[str, str]:
    found = {
        "kraty-server": __version__,
        "python": f"{platform.python_version()} ({platform.python_implementation()}, {platform.system()})",
        "openssl": ssl.OPENSSL_VERSION,
    }
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):  # an extra, or a program that was packed into one file
            found[package] = metadata.version(package)
    return found


def without_password(url: str) -> str:
    """A URL, without what opens it."""
    try:
        parts = urlsplit(url if "://" in url else f"http://{url}")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "set, and no URL"
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that decide something, or look as if they were meant to."""
    found: dict[str, str] = {}
    for name in sorted(environ):
        value = environ[name]
        if name in SHOWN or name in (variable for variable, _, _ in CERTIFICATES) or name.lower() == "no_proxy":
            found[name] = value
        elif name.lower() in URLS:
            found[name] = without_password(value)
        elif name in SECRETS:
            found[name] = "set"
        elif name.startswith("KRATY_"):
            found[name] = "set, and used by nothing here"
    return found


def _host(problems: list[str]) -> dict[str, str]:
    try:
        url = _options.checked_base_url(None)
        proxy = find_proxy(url, os.environ)
    except ValueError as error:
        problems.append(str(error))
        return {}
    return {"url": url, "proxy": without_password(proxy) if proxy else "none"}


def _call(problems: list[str]) -> tuple[dict[str, Any], dict[str, Any], Exit]:
    """What the server says of the key, and what its clock says of ours."""
    known: dict[str, Any] = {"from": secret_source(_options.KEY_VARIABLE)}
    try:
        key = read_secret(_options.KEY_VARIABLE, "key")
        prefix, dot, _ = key.partition(".")
        known["prefix"] = prefix if dot else None  # without a dot, all of it may be secret
        show_log()
        kraty = _RecordingClient(api_key=key)
    except (CommandError, TypeError, ValueError) as error:
        if str(error) not in problems:  # the client refuses a host that `_host` has refused already
            problems.append(str(error))
        return known, {}, Exit.USAGE
    code = Exit.DONE
    with kraty:
        try:
            info = kraty.ping().api_key
            names = {"environment": "environment", "game": "game_id", "studio": "studio_id", "may_do": "permission_set"}
            known |= {shown: getattr(info, name, None) for shown, name in names.items()}
        except KratyError as error:
            problems.append(str(error))
            code = exit_for(error)
    return known, _clock(kraty.answers, problems), code


def _clock(answers: list[tuple[float, float, Answer]], problems: list[str]) -> dict[str, Any]:
    """How wrong this machine's clock is, by the header Date of the last answer, which knows whole seconds."""
    if not answers:
        return {}
    asked_at, answered_at, answer = answers[-1]
    try:
        server = parsedate_to_datetime(answer.headers.get("date", "")).timestamp() + 0.5
    except ValueError:
        return {}
    ahead = (asked_at + answered_at) / 2 - server
    margin = (answered_at - asked_at) / 2 + 0.5
    if abs(ahead) - margin > MAX_SKEW:
        skew = f"{abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} the server's"
        problems.append(f"the clock here is {skew}: webhooks are refused as too old or as from the future. Use NTP")
    return {"seconds_ahead": round(ahead, 1)}
