"""The provider for Airflow: what a connection becomes, what each error does to a task, and Airflow is imported for nothing else.

Against a stand-in for Airflow's classes where there is no Airflow; `make airflow` runs it with Airflow's own.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace, TracebackType
from typing import Any

import pytest

import kraty_server
from kraty_server import KratyError
from kraty_server.errors import BY_CODE, server_error
from kraty_server.testing import Emulator

KEY = "sk_test_kraty.S3CRET"
OURS = str(Path(kraty_server.__path__[0]))


@dataclass(frozen=True)
class Decision:
    action: SimpleNamespace
    retry_delay: timedelta | None = None
    reason: str | None = None

    @classmethod
    def of(cls, action: str, delay: timedelta | None = None, reason: str | None = None) -> Decision:
        return cls(SimpleNamespace(value=action), delay, reason)


def stand_in(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """What `kraty_server.airflow` uses of `airflow.sdk` 3.3, with connections from the environment."""

    class Hook:
        def __init__(self, logger_name: str | None = None) -> None: ...

        @classmethod
        def get_connection(cls, conn_id: str) -> SimpleNamespace:
            given = json.loads(CONNECTIONS[conn_id])
            return SimpleNamespace(conn_id=conn_id, **{"host": None, "password": None, "port": None} | given)

        @classmethod
        async def aget_connection(cls, conn_id: str) -> SimpleNamespace:
            return cls.get_connection(conn_id)

    sdk: Any = ModuleType("airflow.sdk")
    sdk.BaseHook, sdk.Connection, sdk.Context, sdk.RetryPolicy = Hook, SimpleNamespace, dict, object
    sdk.RetryDecision = SimpleNamespace(
        default=lambda: Decision.of("default"),
        fail=lambda reason=None: Decision.of("fail", None, reason),
        retry=lambda delay=None, reason=None: Decision.of("retry", delay, reason),
    )
    monkeypatch.setitem(sys.modules, "airflow", ModuleType("airflow"))
    monkeypatch.setitem(sys.modules, "airflow.sdk", sdk)
    return sdk  # type: ignore[no-any-return]


CONNECTIONS: dict[str, str] = {}


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    CONNECTIONS.clear()
    if find_spec("airflow") is None:
        stand_in(monkeypatch)
    import kraty_server.airflow as ours

    yield ours
    for name in ("hook", "retry_policy"):
        sys.modules.pop(f"kraty_server.airflow.{name}", None)
        vars(ours).pop(name, None)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make the connection `kraty_default`, as people do: in a variable of the environment."""

    def made(**fields: Any) -> None:
        CONNECTIONS["kraty_default"] = json.dumps({"conn_type": "kraty", **fields})
        monkeypatch.setenv("AIRFLOW_CONN_KRATY_DEFAULT", CONNECTIONS["kraty_default"])

    return made


def test_airflow_finds_the_provider_and_needs_nothing_of_airflow_for_that() -> None:
    """Airflow loads it whenever it starts, whichever version it is, and one that fails keeps it from starting."""
    (entry,) = (one for one in entry_points(group="apache_airflow_provider") if one.module.startswith("kraty_server"))
    program = f"""
import sys
from importlib import import_module
sys.modules["airflow"] = None
info = getattr(import_module({entry.module!r}), {entry.attr!r})()
assert info["package-name"] == "kraty-server"
assert not [name for name in sys.modules if name in ("httpx", "kraty_server.client")]
import kraty_server.airflow
try:
    kraty_server.airflow.KratyHook
except ImportError:
    print("only the hook needs it")
"""
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "only the hook needs it\n"


def test_what_airflow_is_told_is_what_there_is(provider: Any) -> None:
    info = provider.get_provider_info()
    (told,) = info["connection-types"]
    hook = provider.KratyHook
    assert told["hook-class-name"] == f"{hook.__module__}.{hook.__qualname__}"
    assert (told["connection-type"], told["hook-name"]) == (hook.conn_type, hook.hook_name)
    assert info["hooks"][0]["python-modules"] == [hook.__module__]
    assert hook.conn_name_attr in hook.__init__.__annotations__
    assert not hasattr(provider, "nothing")


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({}, "https://api.kraty.io"),
        ({"host": ""}, "https://api.kraty.io"),
        ({"host": "https://kraty.example/behind"}, "https://kraty.example/behind"),
        ({"host": "kraty.example"}, "https://kraty.example"),
        ({"host": "kraty.example", "port": 8443}, "https://kraty.example:8443"),
        ({"host": "http://127.0.0.1", "port": 8080}, "http://127.0.0.1:8080"),
        ({"host": "http://[::1]:8080"}, "http://[::1]:8080"),
    ],
    ids=str,
)
def test_a_connection_becomes_a_client(provider: Any, connect: Any, fields: dict[str, Any], url: str) -> None:
    connect(password=KEY, **fields)
    with provider.KratyHook().get_conn() as kraty:
        assert (kraty._options.base_url, kraty._options.key.reveal()) == (url, KEY)


@pytest.mark.parametrize("own", [{}, {"password": ""}, {"host": "https://kraty.example"}], ids=str)
def test_a_connection_without_a_key_is_not_given_that_of_the_environment(
    provider: Any, connect: Any, own: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRATY_SERVER_KEY", KEY)
    connect(**own)
    with pytest.raises(ValueError, match=r"connection kraty_default: it has no password, which is the API key"):
        provider.KratyHook().get_conn()


def frames(at: TracebackType | None) -> Iterator[dict[str, Any]]:
    while at is not None:
        if at.tb_frame.f_code.co_filename.startswith(OURS):
            yield at.tb_frame.f_locals
        at = at.tb_next


@pytest.mark.parametrize("wrong", [{"password": f"{KEY} "}, {"password": KEY, "host": "ftp://kraty.example"}], ids=str)
def test_no_frame_has_the_key_where_a_connection_cannot_be(provider: Any, connect: Any, wrong: dict[str, str]) -> None:
    connect(**wrong)
    hook = provider.KratyHook()
    for made in (hook.get_conn, lambda: asyncio.run(hook.aget_conn())):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - all that SDKs refuse
            made()
        held = list(frames(caught.value.__traceback__))
        assert held
        assert KEY not in repr(held) + str(caught.value)


def test_the_button_test_says_whose_key_it_is_or_what_is_wrong(provider: Any, connect: Any, emulator: Emulator) -> None:
    hook = provider.KratyHook()
    connect(password=emulator.api_key, host=emulator.url)
    works, said = hook.test_connection()
    assert works
    assert said.endswith(", server_integration")
    assert emulator.api_key not in said
    emulator.fault("health.ping", status=401, code="session_invalid", times=1)
    works, said = hook.test_connection()
    assert (works, said[:22]) == (False, "[401] session_invalid:")
    connect(host=emulator.url)
    works, said = hook.test_connection()
    assert (works, "no password" in said) == (False, True)


def test_a_task_that_is_async_has_a_client_of_its_kind(provider: Any, connect: Any, emulator: Emulator) -> None:
    connect(password=emulator.api_key, host=emulator.url)

    async def main() -> str:
        async with await provider.KratyHook("kraty_default").aget_conn() as kraty:
            return str((await kraty.health.ping()).api_key.permission_set)

    assert asyncio.run(main()) == "server_integration"


def failed(code: str = "internal_error", *, retryable: bool = False, retry_after: float | None = None) -> KratyError:
    error = server_error(409, code, "no")
    error.outcome, error.is_retryable, error.retry_after = "not_applied", retryable, retry_after
    return error


@pytest.mark.parametrize("retryable", [True, False])
@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_what_becomes_of_a_task_is_what_the_error_decides(provider: Any, code: str, retryable: bool) -> None:
    error = failed(code, retryable=retryable)
    decided = provider.KratyRetryPolicy().evaluate(exception=error, try_number=1, max_tries=100, context=None)
    assert decided.action.value == ("fail" if error.decision == "refuse" else "retry")
    assert decided.retry_delay == (timedelta(minutes=10) if error.decision == "fix" else None)
    assert decided.reason == f"{error.decision}: [409] {code}: no"


def test_the_server_says_how_long_a_task_waits_and_else_its_own_delay_counts(provider: Any) -> None:
    policy = provider.KratyRetryPolicy(fix_delay=timedelta(seconds=5))
    asked = policy.evaluate(failed("rate_limited", retryable=True, retry_after=90), 1, 100)
    assert asked.retry_delay == timedelta(seconds=90)
    assert policy.evaluate(failed("rate_limited", retryable=True, retry_after=0), 1, 100).retry_delay is None
    assert policy.evaluate(failed("session_invalid"), 1, 100).retry_delay == timedelta(seconds=5)


def test_errors_of_others_are_left_to_the_task(provider: Any) -> None:
    assert provider.KratyRetryPolicy().evaluate(ValueError("a bug"), 1, 100).action.value == "default"
