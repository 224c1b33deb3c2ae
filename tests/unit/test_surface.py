"""The public surface: one method per operation, both flavours alike, nothing known that only the contract may know."""

from __future__ import annotations

import ast
import cProfile
import gc
import importlib
import inspect
import io
import json
import os
import pstats
import pydoc
import re
import socket
import subprocess
import sys
import traceback
import weakref
from pathlib import Path
from typing import Any

import pytest

import kraty_server
import kraty_server_generated.api
from kraty_server import AsyncKratyServer, KratyServer, errors
from kraty_server._endpoint import endpoint
from kraty_server.client import RESOURCES
from tests.servers.raw import RawServer, Reply

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = json.loads((ROOT / "openapi.server.json").read_text("utf-8"))
OPERATIONS = [o for item in DOCUMENT["paths"].values() for o in item.values()]
OVERLAY = sorted(p for p in (ROOT / "kraty_server").rglob("*.py") if "testing" not in p.parts)
ALIASES = {"events.progress": "events.report_progress"}
OPTIONS: dict[str, Any] = {"api_key": "prefix.secret", "base_url": "http://127.0.0.1:9"}


def methods(client: Any) -> dict[str, Any]:
    found = {}
    for noun in RESOURCES:
        for name, method in inspect.getmembers(getattr(client, noun), inspect.isroutine):
            if not name.startswith("_"):
                found[f"{noun}.{name}"] = method
    return found


@pytest.mark.parametrize(
    "client", [KratyServer(**OPTIONS), AsyncKratyServer(**OPTIONS)], ids=lambda c: type(c).__name__
)
def test_every_operation_has_exactly_one_method(client: Any) -> None:
    found = methods(client)
    assert found.keys() - ALIASES.keys() == {o["operationId"] for o in OPERATIONS}
    for alias, name in ALIASES.items():
        assert found[alias].__doc__ == found[name].__doc__


def test_both_flavours_have_the_same_signatures_and_docs() -> None:
    sync, awaited = methods(KratyServer(**OPTIONS)), methods(AsyncKratyServer(**OPTIONS))
    assert sync.keys() == awaited.keys()
    for name, method in sync.items():
        assert str(inspect.signature(method)) == str(inspect.signature(awaited[name])).replace("AsyncPage", "Page"), (
            name
        )
        assert method.__doc__ == awaited[name].__doc__ != "", name
        assert inspect.iscoroutinefunction(awaited[name]), name
        assert not inspect.iscoroutinefunction(method), name
        assert "Call" not in str(inspect.signature(method).return_annotation), name


def test_every_write_takes_an_idempotency_key() -> None:
    found = methods(KratyServer(**OPTIONS))
    for item in DOCUMENT["paths"].values():
        for verb, operation in item.items():
            takes = "idempotency_key" in inspect.signature(found[operation["operationId"]]).parameters
            assert takes == ("idempotencyKey" in properties_of(operation)), operation["operationId"]
            assert takes or not (verb == "post" and "requestBody" in operation), operation["operationId"]


def properties_of(operation: dict[str, Any]) -> dict[str, Any]:
    """What the body of an operation may hold by name."""
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    properties: dict[str, Any] = schema.get("properties", {})
    return properties


def test_an_endpoint_is_seen_as_such_on_its_class_only() -> None:
    from kraty_server.resources import wallet

    assert isinstance(vars(wallet.WalletCalls)["credit"], endpoint)
    assert inspect.isfunction(vars(wallet.Wallet)["credit"])
    assert vars(wallet.Wallet)["credit"].__qualname__ == "Wallet.credit"


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
def test_a_resource_is_made_once_for_a_client_and_again_for_one_with_other_options(kind: Any) -> None:
    kraty = kind(**OPTIONS)
    assert "wallet" not in vars(kraty)
    assert kraty.wallet is kraty.wallet
    other = kraty.with_options(timeout=3)
    assert other.wallet is not kraty.wallet
    assert (other.wallet._options.timeout, kraty.wallet._options.timeout) == (3, 15)
    assert other.wallet._connections is kraty.wallet._connections
    assert kind.wallet is type(kraty.wallet)


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
def test_what_a_subclass_keeps_on_the_client_survives_with_options(kind: Any) -> None:
    class Ours(kind):  # type: ignore[misc]  # both flavours
        def __init__(self) -> None:
            super().__init__(**OPTIONS)
            self.shop = "eu"

    kraty = Ours()
    assert kraty.wallet
    assert kraty.with_options(timeout=3).shop == "eu"
    assert type(kraty.with_options(timeout=3)) is Ours


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
def test_a_client_that_is_dropped_goes_at_once_with_its_resources(kind: Any) -> None:
    gc.collect()
    gc.disable()  # what follows is freed by counting references
    try:
        kraty = kind(**OPTIONS)
        used = [kraty.wallet, kraty.with_options(timeout=3).players]
        gone = [weakref.ref(kraty), *map(weakref.ref, used)]
        del kraty, used
        assert [one() for one in gone] == [None, None, None]
    finally:
        gc.enable()


def test_a_client_that_is_dropped_without_close_frees_its_sockets_at_once() -> None:
    pong = {"id": "k", "prefix": "p", "permissionSet": "s", "environment": "test", "studioId": "s", "gameId": None}
    with RawServer([Reply(body=json.dumps({"ok": True, "apiKey": pong}).encode())]) as server:
        kraty = KratyServer(api_key="a.b", base_url=server.url)
        kraty.health.ping()
        gc.collect()
        gc.disable()
        try:
            gone = weakref.ref(kraty._connections)
            sockets = [
                one for one in gc.get_objects() if issubclass(type(one), socket.socket) and is_to(one, server.url)
            ]
            assert len(sockets) == 1
            del sockets, kraty
            assert gone() is None
            assert not any(issubclass(type(one), socket.socket) and is_to(one, server.url) for one in gc.get_objects())
        finally:
            gc.enable()


def is_to(one: socket.socket, url: str) -> bool:
    try:
        return url.endswith(f":{one.getpeername()[1]}")
    except OSError:
        return False


WRONG_CALLS: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("wallet.credit", ("p", "gold", 500), {}, "Wallet.credit() takes 3 positional arguments but 4 were given; use amount="),
    ("wallet.credit", ("p", "gold", 5, "iap"), {}, "Wallet.credit() takes 3 positional arguments but 5 were given; use amount=, use reason="),
    ("wallet.credit", ("p", "gold"), {}, "Wallet.credit() missing 1 required keyword-only argument: 'amount'"),
    ("wallet.credit", ("p", "gold"), {"ammount": 5}, "unexpected keyword argument 'ammount'; use amount= instead of ammount="),
    ("grants.create", ("p",), {"idempotencyKey": "k", "entries": []}, "; use idempotency_key= instead of idempotencyKey="),
    ("wallet.credit", ("p", "gold"), {"amount": 1, "zzz": 5}, "unexpected keyword argument 'zzz'"),
    ("health.ping", (1,), {}, "Health.ping() takes 1 positional argument but 2 were given"),
    ("wallet.credit", ("p", "gold"), {"amount": "5"}, "amount: an integer is needed, got str"),
]  # fmt: skip


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
@pytest.mark.parametrize(("name", "args", "kwargs", "text"), WRONG_CALLS, ids=lambda value: str(value)[:30])
def test_a_wrong_call_is_named_and_says_what_to_write(
    kind: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], text: str
) -> None:
    method = methods(kind(**OPTIONS))[name]
    with pytest.raises(TypeError) as wrong:
        finished(method(*args, **kwargs))
    assert str(wrong.value).endswith(f"Async{text}" if kind is AsyncKratyServer and text[0].isupper() else text)


def finished(result: Any) -> Any:
    """The result of a call that needs no event loop, since nothing is sent."""
    return result.send(None) if inspect.iscoroutine(result) else result


@pytest.mark.parametrize(("kind", "owner"), [(KratyServer, "Wallet"), (AsyncKratyServer, "AsyncWallet")])
def test_frames_and_profiles_name_the_method(kind: Any, owner: str) -> None:
    credit = methods(kind(**OPTIONS))["wallet.credit"]
    with pytest.raises(TypeError) as wrong:
        finished(credit("p", "gold", amount="5"))
    codes = [frame.f_code for frame, _ in traceback.walk_tb(wrong.value.__traceback__)]
    ours = [code.co_qualname for code in codes if code.co_name == "credit"]
    assert ours == [f"{owner}.credit", f"{owner}.credit", "credit"]  # driven, built, checked
    profile = cProfile.Profile()
    with profile, pytest.raises(TypeError):
        finished(credit("p", "gold", amount="5"))
    shown = io.StringIO()
    pstats.Stats(profile, stream=shown).print_stats("kraty_server")
    assert "(credit)" in shown.getvalue()
    assert "(method)" not in shown.getvalue()


@pytest.mark.parametrize("kind", [KratyServer, AsyncKratyServer])
def test_help_shows_resources_and_methods_by_their_own_names(kind: Any) -> None:
    shown = pydoc.plain(pydoc.render_doc(kind)) + pydoc.plain(pydoc.render_doc(kind.wallet))
    assert f"wallet = <class 'kraty_server.resources.wallet.{kind.wallet.__name__}'>" in shown
    # Newer versions of Python wrap long signatures, and leave the quotes out.
    on_one_line = re.sub(r"[\s|]+", " ", shown).replace("( ", "(").replace("'", "")
    assert "credit(self, external_player_id: str, economy_key: str, *, amount: int" in on_one_line
    assert "_Wallet" not in shown


def test_the_overlay_knows_no_path_and_no_json_key() -> None:
    wire = {w for s in DOCUMENT["components"]["schemas"].values() for w in s.get("properties", {}) if w != w.lower()}
    assert "idempotencyKey" in wire
    for path in OVERLAY:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
                assert node.value not in wire, f"{path}:{node.lineno} knows {node.value!r}"
                assert "/server/v1" not in node.value, f"{path}:{node.lineno} knows a path"


def test_the_generated_client_imports_neither_httpx_nor_the_overlay() -> None:
    program = (
        "import sys, pkgutil, importlib, kraty_server_generated.api as api\n"
        "for m in pkgutil.iter_modules(api.__path__): importlib.import_module(f'{api.__name__}.{m.name}')\n"
        "print([m for m in ('httpx', 'httpcore', 'kraty_server', 'dateutil') if m in sys.modules])"
    )
    assert run(program) == "[]"


def run(program: str) -> str:
    kept = {
        name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ
    }  # Windows starts nothing without it
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env={**kept, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "generated")])},
    )
    return done.stdout.strip()


@pytest.mark.parametrize("part", ["kraty_server", "kraty_server.webhooks", "kraty_server.models"])
def test_what_needs_no_http_client_imports_next_to_nothing(part: str) -> None:
    heavy = ("httpx", "attr", "typing", "re", "json", "kraty_server_generated")
    program = f"import sys; before = set(sys.modules); import {part}; print(set({heavy}) & (set(sys.modules) - before))"
    assert run(program) == "set()"


def test_models_are_loaded_with_the_client_and_not_by_its_first_call() -> None:
    assert run("import sys, kraty_server.client; print('kraty_server_generated.models' in sys.modules)") == "True"


def test_the_models_that_are_loaded_late_are_all_there() -> None:
    from kraty_server import models
    from kraty_server_generated import models as generated

    star: dict[str, Any] = {}
    exec("from kraty_server.models import *", star)
    for name in (*generated.__all__, "Model", "UnknownVariant"):
        assert star[name] is getattr(models, name)
    with pytest.raises(AttributeError, match="module 'kraty_server.models' has no attribute 'Wallet'"):
        getattr(models, "Wallet")  # noqa: B009


@pytest.mark.parametrize(("part", "name"), [("kraty_server", "KratyServer"), ("kraty_server.models", "PlayerSnapshot")])
def test_what_is_loaded_late_is_shown_by_dir(part: str, name: str) -> None:
    assert run(f"import {part} as part; print({name!r} in dir(part))") == "True"


def test_nothing_happens_at_import() -> None:
    program = (
        "import os, sys, threading\n"
        "class Env(dict):\n"
        "    def __getitem__(self, k): read.append(k); return super().__getitem__(k)\n"
        "    def get(self, k, d=None): read.append(k); return super().get(k, d)\n"
        "read = []\n"
        "import httpx, attrs  # theirs, not ours\n"
        "os.environ = Env(os.environ)\n"
        "import kraty_server, kraty_server.client, kraty_server.models, kraty_server.webhooks\n"
        "print(threading.active_count(), [k for k in read if k.startswith('KRATY')])"
    )
    assert run(program) == "1 []"


def test_all_names_are_there_and_typed() -> None:
    tree = ast.parse((ROOT / "kraty_server" / "__init__.py").read_text("utf-8"))
    block = next(n for n in tree.body if isinstance(n, ast.If))
    typed = {
        a.name: n.module for n in block.body if isinstance(n, ast.ImportFrom) for a in n.names if a.asname == a.name
    }
    assert typed == kraty_server._HOME_OF
    assert sorted(typed) == vars(kraty_server)["__all__"]
    for name, home in typed.items():
        assert getattr(kraty_server, name) is getattr(importlib.import_module(str(home)), name)
        assert name in dir(kraty_server)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = kraty_server.nothing


def test_a_public_name_loads_its_home_and_no_other() -> None:
    assert (
        run("import sys; from kraty_server import __version__, verify_webhook; print('httpx' in sys.modules)")
        == "False"
    )


def test_no_packaging_metadata_is_needed() -> None:
    program = (
        "import importlib.metadata as m\n"
        "def gone(name): raise m.PackageNotFoundError(name)\n"
        "m.version = m.distribution = gone\n"
        f"import kraty_server; kraty = kraty_server.KratyServer(**{OPTIONS}, deadline=1)\n"
        "try: kraty.health.ping()\n"
        "except kraty_server.KratyNetworkError: print(kraty_server.__version__)"
    )
    assert run(program) == kraty_server.__version__
    for path in (ROOT / "kraty_server").rglob("*.py"):
        assert "importlib.metadata" not in path.read_text("utf-8"), path


def test_every_known_code_has_a_class_a_getter_and_an_export() -> None:
    assert len(errors.BY_CODE) == len(errors.KratyServerError.__subclasses__())
    for code, kind in errors.BY_CODE.items():
        assert getattr(kind(400, code, "m"), f"is_{code}") is True
        assert getattr(kind(400, "other", "m"), f"is_{code}") is False
        assert kind.__name__ in kraty_server._HOME_OF
    getters = {name for name in vars(errors.KratyServerError) if name.startswith("is_")} - {"is_code"}
    assert getters == {f"is_{code}" for code in errors.BY_CODE}
    documented = {c for o in OPERATIONS for codes in o["x-error-codes"].values() for c in codes}
    assert documented <= errors.BY_CODE.keys()


def test_every_tag_is_a_module() -> None:
    for tag in DOCUMENT["tags"]:
        importlib.import_module(f"{kraty_server_generated.api.__name__}.{tag['name']}")
