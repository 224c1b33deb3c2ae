"""Models in the answers and requests of one's own API, as the page about frameworks has it: FastAPI, Litestar, cattrs."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import attrs
import pydantic
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient as FastAPIClient
from litestar.testing import TestClient as LitestarClient

from kraty_server.models import CurrencyEntry, Grant, GrantKind, GrantStatus, Model, UnknownVariant
from kraty_server.testing import Emulator
from kraty_server_generated.models import GrantedRewardEntry
from tests.frameworks.page import BLOCK, DOCS

PAGE = "frameworks.md"
SECTION = (DOCS / PAGE).read_text("utf-8").partition("## Models in your own API")[2].partition("\n## ")[0]
WIRE: dict[str, Any] = {
    "id": "g", "kind": "bundle", "contents": {}, "sourceKind": "api", "sourceRefId": "r", "parentGrantId": None,
    "status": "pending", "rolledAt": None, "claimedAt": None, "expiresAt": "2026-01-01T00:00:00+02:00",
    "createdAt": "2026-01-01T00:00:00.123456Z", "brandNew": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def page() -> Iterator[dict[str, Any]]:
    """The names of the section, after its blocks have run from top to bottom."""
    module = ModuleType("__page__")
    names = vars(module)
    seed = {"players": [{"externalPlayerId": "ada", "wallet": {"gold": 100}}]}
    with Emulator(seed=seed) as emulator, pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "__page__", module)  # where frameworks look annotations up
        patched.setenv("KRATY_SERVER_KEY", emulator.api_key)
        patched.setenv("KRATY_BASE_URL", emulator.url)
        for source in BLOCK.findall(SECTION):
            exec(compile(source, PAGE, "exec", dont_inherit=True), names)
        yield names
        names["kraty"].close()


@pytest.fixture
def shop(page: dict[str, Any]) -> Iterator[FastAPIClient]:
    with FastAPIClient(page["app"]) as client:
        yield client


def test_a_route_of_fastapi_takes_and_answers_models_with_the_names_of_the_api(shop: FastAPIClient) -> None:
    entry = {"type": "currency", "currencyKey": "gold", "amount": 5}
    answer = shop.post("/presents/one", json={"player": "ada", "entry": entry})
    assert answer.status_code == 200
    assert answer.json()["contents"]["entries"] == [entry]
    assert answer.json()["sourceKind"] == "api"
    bought = shop.post("/buy/two", params={"player": "ada"}).json()
    assert (bought["economyKey"], bought["applied"]) == ("gold", True)


@pytest.mark.parametrize(
    ("change", "where"),
    [({"amount": "5"}, "amount"), ({"currencyKey": None}, "currencyKey"), ({"type": "item"}, "type")],
)
def test_what_a_client_of_a_route_sends_wrong_is_named(shop: FastAPIClient, change: dict[str, Any], where: str) -> None:
    entry = {"type": "currency", "currencyKey": "gold", "amount": 5} | change
    answer = shop.post("/presents/wrong", json={"player": "ada", "entry": entry})
    assert answer.status_code == 422
    assert [problem["loc"] for problem in answer.json()["detail"]] == [["body", "entry", where]]


def test_the_document_of_a_fastapi_app_describes_the_models(shop: FastAPIClient) -> None:
    document = shop.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert schemas["Present"]["properties"]["entry"] == {"$ref": "#/components/schemas/CurrencyEntry"}
    answer = document["paths"]["/presents/{receipt}"]["post"]["responses"]["200"]["content"]["application/json"]
    assert answer["schema"] == {"$ref": "#/components/schemas/Grant"}
    grant = schemas["Grant"]
    assert {"sourceRefId", "createdAt"} <= grant["properties"].keys()
    assert grant["properties"]["createdAt"]["format"] == "date-time"
    assert grant["description"] == Grant.__doc__
    assert "additional_properties" not in grant["properties"]
    assert grant["properties"]["kind"]["anyOf"][0]["enum"] == ["reward", "crate"]


def test_what_the_sdk_gives_is_answered_as_it_came_also_if_something_is_missing_or_new() -> None:
    app = FastAPI()
    given: list[Grant] = [Grant.from_dict(WIRE), Grant.from_dict({"id": "h"})]

    @app.get("/grants")
    def grants() -> list[Grant]:
        return given

    assert FastAPIClient(app).get("/grants").json() == [WIRE, {"id": "h"}]


def test_a_model_is_a_field_of_a_model_of_pydantic() -> None:
    holder: Any = pydantic.create_model("Holder", grant=(Grant, ...), kind=(GrantKind | None, None))
    held = holder(grant=WIRE, kind="brand_new")
    assert held.grant == Grant.from_dict(WIRE)
    assert not held.kind.is_known
    assert held.model_dump() == {"grant": WIRE, "kind": "brand_new"}
    assert holder.model_validate_json(held.model_dump_json()) == held
    assert holder(grant=held.grant).grant is held.grant
    with pytest.raises(pydantic.ValidationError) as wrong:
        holder(grant=WIRE | {"createdAt": "soon"}, kind=3)
    assert [problem["loc"] for problem in wrong.value.errors()] == [("grant", "createdAt"), ("kind",)]


def test_an_entry_is_told_by_its_tag_and_one_that_is_wrong_passes_for_no_unknown_one() -> None:
    entries: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(GrantedRewardEntry)
    assert isinstance(entries.validate_python({"type": "currency", "currencyKey": "gold", "amount": 1}), CurrencyEntry)
    lamp = entries.validate_python({"type": "lamp", "watts": 5})
    assert isinstance(lamp, UnknownVariant)
    assert entries.dump_python(lamp) == {"type": "lamp", "watts": 5}
    with pytest.raises(pydantic.ValidationError, match="CurrencyEntry"):
        entries.validate_python({"type": "currency", "currencyKey": "gold", "amount": "1"})


def test_nobody_who_does_not_use_pydantic_imports_it() -> None:
    code = "import sys, kraty_server.models as m; m.Grant; import kraty_server.webhooks; sys.exit('pydantic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_litestar_answers_the_names_of_the_api_and_describes_them(page: dict[str, Any]) -> None:
    with LitestarClient(page["litestar_app"]) as client:
        (gold,) = client.get("/wallet/ada").json()
        assert gold["economyKey"] == "gold"
        document = client.get("/schema/openapi.json").json()
    answer = document["paths"]["/wallet/{player}"]["get"]["responses"]["200"]["content"]["application/json"]
    assert "economyKey" in answer["schema"]["items"]["properties"]


def test_cattrs_reads_and_writes_the_names_of_the_api(page: dict[str, Any]) -> None:
    @attrs.define
    class Purchase:
        grants: list[Grant]

    converter = page["converter"]
    purchase = converter.structure({"grants": [WIRE]}, Purchase)
    assert purchase.grants == [Grant.from_dict(WIRE)]
    assert converter.unstructure(purchase) == {"grants": [WIRE]}


def test_what_copies_a_model_keeps_what_the_sdk_does_not_know() -> None:
    grant = Grant.from_dict(WIRE)
    assert attrs.evolve(grant, status=GrantStatus.CLAIMED).to_dict() == WIRE | {"status": "claimed"}
    assert attrs.asdict(grant)["additional_properties"] == {"brandNew": 1}
    assert copy.copy(grant).to_dict() == copy.deepcopy(grant).to_dict() == WIRE
    assert pickle.loads(pickle.dumps(grant)).to_dict() == WIRE
    assert json.loads(json.dumps({"grant": grant}, default=Model.to_dict)) == {"grant": WIRE}


@pytest.mark.skipif(sys.version_info < (3, 13), reason="copy.replace came with Python 3.13")
def test_copy_replace_keeps_what_the_sdk_does_not_know() -> None:
    replace: Any = vars(copy)["replace"]
    assert replace(Grant.from_dict(WIRE), status="claimed").to_dict() == WIRE | {"status": "claimed"}
