"""The page for those who come from the vendor's SDK names every call, option and error, as they are."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import kraty_server
from codegen.parity.ours import camel
from kraty_server import KratyServer, KratyServerError
from kraty_server.errors import IsCode
from tests.docs.test_code_blocks import ROOT

OPERATIONS = set(re.findall(r'"operationId": "([^"]+)"', (ROOT / "openapi.server.json").read_text("utf-8")))
PAGE = (ROOT / "docs" / "coming-from-the-vendors-sdk.md").read_text("utf-8")
CALL = re.compile(r"^\| `(\w+\.\w+)\((.*?)\) -> ([\w\[\]]+)`(?:, also `([\w.]+)`)? \| (.+) \|$", re.MULTILINE)


def rows(title: str) -> Iterator[list[str]]:
    """The cells of the first table below a title."""
    table = PAGE.partition(f"\n## {title}\n")[2].partition("\n|---")[2].partition("\n\n")[0]
    for line in table.splitlines()[1:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def test_every_operation_stands_in_the_table_of_calls_with_its_arguments_result_and_the_name_that_node_has() -> None:
    found = {row[1]: row for row in CALL.finditer(PAGE)}
    assert {*found} == OPERATIONS
    with KratyServer(api_key="prefix.secret") as kraty:
        for name, row in found.items():
            noun, method = name.split(".")
            signature = inspect.signature(getattr(getattr(kraty, noun), method))
            given = [argument.partition("=")[0] for argument in row[2].split(", ") if argument not in ("", "*")]
            keyed = name == "grants.create"
            assert sorted(given) == sorted(one for one in signature.parameters if one != "idempotency_key" or keyed), (
                name
            )
            assert row[3] == signature.return_annotation
            node = row[5].split(", ")
            assert f"`{noun}.{camel(method)}`" in node
            assert row[4] is None or f"`{row[4]}`" in node


def test_every_option_of_the_client_stands_in_the_table_of_options() -> None:
    named = [row[0].strip("`") for row in rows("Options of the client")]
    assert named == [*inspect.signature(KratyServer).parameters]


def test_what_an_error_says_stands_in_the_table_of_errors() -> None:
    told = " ".join(row[0] for row in rows("Errors"))
    own = [
        name
        for name in {*dir(KratyServerError), *KratyServerError.__annotations__}
        if not name.startswith("_") and name not in dir(Exception)
    ]
    getters = {name for name in own if isinstance(inspect.getattr_static(KratyServerError, name, None), IsCode)}
    assert "is_not_found" in getters
    for name in {"is_not_found", *own} - (getters - {"is_not_found"}):
        assert re.search(rf"\b{name}\b", told), name
    for name in ("KratyServerError", "KratyNetworkError", "KratyTimeoutError"):
        assert f"`{name}`" in told
        assert hasattr(kraty_server, name)
