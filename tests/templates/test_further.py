"""Kinds, parameters, pages, answers and bodies that our document has no use for: generated, and used over sockets."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from codegen import write
from codegen.lint import problems
from codegen.read import read
from codegen.trial import demand_use
from codegen.write import ROOT
from tests.templates.further import THING, further

FORM = (
    "\r\n".join(
        line
        for name, more, value in (
            ("picture", '; filename="é.png"\r\nContent-Type: image/png', "png"),
            ("title", "", "t"),
            ("day", "", "2026-01-02"),
            ("level", "", "2"),
            ("share", "", "0.5"),
            ("tags", "", "a"),
            ("tags", "", "b"),
            ("part", "\r\nContent-Type: application/json", '{"size":1}'),
            ("live", "", "true"),
            ("papers", '; filename="__init__.py"\r\nContent-Type: text/x-python', ""),
            ("idempotencyKey", "", "k"),
        )
        for line in ("--multipart/form-data", f'Content-Disposition: form-data; name="{name}"{more}', "", value)
    )
    + "\r\n--multipart/form-data--\r\n"
)
FLAVOURS = ("sync", "http_client", "async", "aiohttp", "fast", "fast-async")


@pytest.fixture(scope="module")
def package() -> dict[str, str]:
    return write.package(further())


@pytest.fixture(scope="module")
def used(package: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("further")
    write.apply(write.changes(package, folder / write.PACKAGE))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    command = [sys.executable, "-m", "tests.templates.use_further"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def checks(package: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Calls things in a process that has the package, and gives the body, the path or the error of each."""
    folder = tmp_path_factory.mktemp("checks")
    write.apply(write.changes(package, folder / write.PACKAGE))
    text = f"""
import json, math, sys
from datetime import date, datetime, UTC
from uuid import UUID
sys.path.insert(0, {str(folder)!r})
from {write.PACKAGE}.api import things
for line in sys.stdin:
    try:
        call = eval(line)
        print(json.dumps(call.path if call.body is None else call.body), flush=True)
    except Exception as error:
        print(json.dumps(f"{{type(error).__name__}}: {{error}}"), flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-I", "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def ask(expression: str) -> Any:
            print(expression, file=process.stdin, flush=True)
            return json.loads(process.stdout.readline())  # type: ignore[union-attr]  # it is a pipe

        yield ask
        process.stdin.close()


def test_the_document_is_taken_as_it_is() -> None:
    document = further()
    assert problems(document) == []


def test_each_call_and_model_can_be_used_before_it_is_written(package: dict[str, str]) -> None:
    demand_use(package, read(further()))


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_parameters_and_bodies_are_sent_as_the_document_says(flavour: str, used: Any) -> None:
    search = (
        "/server/v1/things?limit=2&colour=red&colour=a%26b&ids=1%2C2,%C3%A9&since=2026-01-01"
        "&filter%5Bshare%5D=0.5&live=true"
    )
    made = (
        '{"name":"n","day":"2026-01-02","serial":"00000000-0000-0000-0000-00000000000a","level":2,"step":10,'
        '"share":0.75,"tags":["a","b"],"notes":["x",null],"parts":{"p":{"size":1}},"idempotencyKey":"k"}'
    )
    assert used[flavour]["requests"] == [
        ["GET", search, None, "trace 1"],
        ["GET", f"{search}&cursor=a%20b%26c%3D", None, "trace 1"],
        ["GET", f"{search}&cursor=a%20b%26c%3D", None, "trace 1"],
        ["GET", f"{search}&cursor=c2", None, "trace 1"],
        ["POST", "/server/v1/things", made, None],
        ["GET", "/server/v1/things/of/10/2026-01-02", None, None],
        ["DELETE", "/server/v1/things/number/7", None, None],
        ["GET", "/server/v1/things/all", None, None],
        ["GET", "/server/v1/things/levels", None, None],
        ["GET", "/server/v1/things/parts", None, None],
        ["PUT", "/server/v1/things/bag/a%20b", '{"idempotencyKey":"mine","n":[1]}', None],
        ["PATCH", "/server/v1/things/bag/b", "{}", None],
        ["POST", "/server/v1/things/pictures/n", FORM, None],
        ["GET", "/server/v1/things/pictures/n", None, None],
        ["GET", "/server/v1/things/tables/n", None, None],
        ["GET", "/server/v1/things?cursor=stuck", None, None],
    ]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_answers_of_each_kind_are_read_and_written_without_loss(flavour: str, used: Any) -> None:
    parts = THING["parts"]
    picture = {"title": "t", "size": None}
    assert used[flavour]["results"] == [THING, THING, None, [THING], [1, 99], parts, THING, THING, picture]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_answers_that_are_no_json_are_bytes(flavour: str, used: Any) -> None:
    assert used[flavour]["bytes"] == [True, True]


def test_the_emulator_reads_forms_and_answers_bytes(used: Any) -> None:
    assert used["emulator"]["form"] == [{
        "picture": ["é.png", "image/png", "png"], "title": "t", "day": "2026-01-02", "level": 2, "share": 0.5,
        "tags": ["a", "b"], "part": {"size": 1}, "live": True, "papers": [0], "idempotencyKey": "k",
    }]  # fmt: skip
    assert used["emulator"]["bytes"]


def test_the_emulator_tells_files_apart_under_one_idempotency_key(used: Any) -> None:
    assert used["emulator"]["conflict"].startswith("IdempotencyConflictError")


def test_the_emulator_knows_what_a_query_and_headers_say(used: Any) -> None:
    assert used["emulator"]["page"] == ["t"]
    assert used["emulator"]["others"] == [{
        "cursor": "c", "limit": 2, "colour": ["red", "dark-blue"], "ids": ["1,2", "é"], "since": "2026-01-01",
        "filter[share]": 0.5, "live": True, "x-trace-id": "trace 1",
    }]  # fmt: skip


def test_the_emulator_answers_each_kind_of_call_within_the_contract(used: Any) -> None:
    made, read_one, dropped, everything, levels, parts, bag, merged, picture = used["emulator"]["results"]
    assert picture == {"title": "t", "size": 3}
    assert (made["level"], made["parts"], read_one["level"]) == (2, {"p": {"size": 1}}, 10)
    assert (dropped, everything, levels, parts) == (None, [], [], {})
    assert bag.keys() >= {"id", "day"}
    assert merged.keys() >= {"id", "day"}


@pytest.mark.parametrize(
    ("target", "status", "told"),
    [
        ("GET ?limit=0", 400, "query.limit: 0 is less than the minimum of 1"),
        ("GET ?limit=x", 400, 'query.limit: "x" is not of type "integer"'),
        ("GET ?live=yes", 400, 'query.live: "yes" is not of type "boolean"'),
        ("GET ?ids=1&since=soon", 400, 'query.since: "soon" is not a "date"'),
        ("GET ?ids=1&since=soon", 400, 'header.x-trace-id: "" is shorter than 1 character'),
        ("GET /of/3/2026-01-01", 404, "path.level: no such id can be"),
        ("DELETE /number/0", 404, "path.number: no such id can be"),
        ("POST ", 400, 'body: "day" is a required property'),
        ("POST /pictures/n", 400, "body: the body is of no type, and not multipart/form-data with a boundary"),
        ("form refused", 400, "is longer than 200000 characters"),
        ("form refused", 400, 'body: "title" is a required property'),
    ],
)
def test_the_emulator_refuses_what_the_document_does_not_allow(target: str, status: int, told: str, used: Any) -> None:
    assert used["emulator"][target][0] == status
    assert told in used["emulator"][target][1]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_list_gives_a_page_the_next_one_and_all_items(flavour: str, used: Any) -> None:
    assert used[flavour]["page"] == {"ids": ["t", "u"], "total": 3, "has_next": True}
    assert used[flavour]["next"] == []
    assert used[flavour]["all"] == ["t", "u", "v"]


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_a_list_that_would_never_end_is_an_error(flavour: str, used: Any) -> None:
    assert "the next cursor is the one that was asked for" in used[flavour]["stuck"]


def test_a_method_that_lists_says_so_in_its_annotations(used: Any) -> None:
    assert used["Things"] == "kraty_server.pages.Page[kraty_server_generated.models.Thing]"
    assert used["AsyncThings"] == "kraty_server.pages.AsyncPage[kraty_server_generated.models.Thing]"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("things.make(name='n', day=datetime(2026, 1, 1))", "TypeError: day: a date is needed, got a datetime"),
        ("things.make(name='n', day=5)", "TypeError: day: text is needed, got int"),
        ("things.make(name='n' * 6, day='d')", "ValueError: name: at most 5 characters are taken, got 6"),
        ("things.make(name='', day='d')", "ValueError: name: must not be empty"),
        ("things.make(name='n', day='d', serial='x')", "ValueError: serial: 'x' is no UUID"),
        ("things.make(name='n', day='d', level='2')", "TypeError: level: an integer is needed, got str"),
        ("things.make(name='n', day='d', step=0)", "ValueError: step: must be at least 1, got 0"),
        ("things.make(name='n', day='d', step=7)", "ValueError: step: must be a multiple of 5, got 7"),
        ("things.make(name='n', day='d', step=5.0)", "TypeError: step: an integer is needed, got float"),
        ("things.make(name='n', day='d', share=2)", "ValueError: share: must be at most 1, got 2"),
        ("things.make(name='n', day='d', share=0.3)", "ValueError: share: must be a multiple of 0.25, got 0.3"),
        ("things.make(name='n', day='d', tags=['a', 'a'])", "ValueError: tags[1]: 'a' is there twice"),
        ("things.make(name='n', day='d', tags='abcd')", "TypeError: tags: a list is needed, got str"),
        ("things.make(name='n', day='d', notes=[None, 5])", "TypeError: notes[1]: text is needed, got int"),
        ("things.make(name='n', day='d', parts={})", "ValueError: parts: at least 1 keys are needed, got 0"),
        ("things.make(name='n', day='d', parts=[1])", "TypeError: parts: a dict is needed, got list"),
        ("things.make(name='n', day='d', parts={'p': {}})", "ValueError: parts.p.size: is required"),
        ("things.make(name='n', day='d', parts={'p': 5})", "TypeError: parts.p: an object of the SDK or a dict is needed"),
        ("things.make(name='n', day='d', parts={5: {}})", "TypeError: parts (a key): text is needed, got int"),
        ("things.set_bag('n', [1])", "TypeError: body: a dict is needed, got list"),
        ("things.set_bag('n', {'a': math.nan})", "ValueError: body.a: nan cannot be sent as JSON"),
        ("things.set_bag('n', {}).with_key('k')", "ValueError: things.set_bag takes no idempotency key"),
        ("things.read(True, 'd')", "TypeError: level: an integer is needed, got bool"),
        ("things.read(1, '..')", "ValueError: day: '..' would call another endpoint"),
        ("things.drop(0)", "ValueError: number: must be at least 1 and"),
        ("things.search(limit=101)", "ValueError: limit: must be at least 1 and at most 100, got 101"),
        ("things.search(ids='abc')", "TypeError: ids: a list is needed, got str"),
        ("things.search(cursor='\\ud800')", "ValueError: cursor: holds half of a surrogate pair"),
        ("things.search(x_trace_id='a\\nb')", "ValueError: x_trace_id: a header holds printable ASCII only"),
        ("things.add_picture('n', picture=b'a' * 200_001, title='t')", "ValueError: picture: at most 200000 bytes are taken"),
        ("things.add_picture('n', picture=('a.gif', b'a'), title='t')", "ValueError: picture: image/gif is not taken, but"),
        ("things.add_picture('n', picture=b'a', title='t')", "ValueError: picture: application/octet-stream is not taken"),
        ("things.add_picture('n', picture='a.png', title='t')", "TypeError: picture: text may be a path or the content"),
        ("things.add_picture('n', picture=5, title='t')", "TypeError: picture: bytes, a path or an open file is needed"),
        ("things.add_picture('n', picture=open(__import__('os').devnull), title='t')",
         "TypeError: picture: the file is open for text"),
        ("things.add_picture('n', picture=('a', b'', 'x', 1), title='t')", "TypeError: picture: a tuple is (filename, "),
        ("things.add_picture('n', picture=(b'a', b''), title='t')", "TypeError: picture: the filename must be text"),
        ("things.add_picture('n', picture=('a', b'', 'png'), title='t')", "ValueError: picture: 'png' is no content type"),
        ("things.add_picture('n', picture=('a.png', b''), title='t', papers=[b'', 'x'])", "TypeError: papers[1]: text may"),
        ("things.search(x_trace_id=' a')", "ValueError: x_trace_id: a header holds printable ASCII only"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_named(call: str, told: str, checks: Any) -> None:
    assert str(checks(call)).startswith(told)


@pytest.mark.parametrize(
    ("call", "sent"),
    [
        ("things.search()", "/server/v1/things"),
        ("things.search(ids=[], colour=[])", "/server/v1/things"),
        ("things.search(live=False, filter_share=2.0)", "/server/v1/things?filter%5Bshare%5D=2&live=false"),
        ("things.make(name='n', day=date(2026, 1, 2), level=99)", {"name": "n", "day": "2026-01-02", "level": 99}),
        ("things.make(name='n', day='d', share=1)", {"name": "n", "day": "d", "share": 1}),
    ],
)
def test_what_fits_is_sent(call: str, sent: Any, checks: Any) -> None:
    assert checks(call) == sent
