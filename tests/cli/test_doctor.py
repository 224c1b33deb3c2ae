"""`kraty doctor` says why it does not work: the key, the host, the clock, proxies, certificates, and variables unused."""

from __future__ import annotations

from email.utils import formatdate
from time import time

import pytest

from tests.cli import Run
from tests.servers.raw import PONG, RawServer, Reply


def test_a_healthy_set_up_has_no_problems(kraty: Run) -> None:
    ended = kraty("doctor")
    assert ended.code == 0
    assert "  may do       server_integration\n" in ended.out
    assert "  seconds ahead  " in ended.out
    assert ended.out.endswith("No problem was found.\n")
    facts = kraty("doctor", "--json").json
    assert facts["problems"] == []
    assert facts["key"] == {
        "from": "KRATY_SERVER_KEY",
        "prefix": "sEmuTest",
        "environment": "test",
        "game": "game_1",
        "studio": "stu_1",
        "may_do": "server_integration",
    }
    assert {"kraty-server", "python", "httpx"} <= facts["versions"].keys()
    assert abs(facts["clock"]["seconds_ahead"]) < 60


def test_without_a_key_the_rest_is_told_all_the_same(kraty: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KRATY_SERVER_KEY")
    ended = kraty("doctor")
    assert ended.code == 2
    assert "Problem: no key: set KRATY_SERVER_KEY" in ended.out
    assert "Versions" in ended.out


def test_a_key_without_a_dot_is_not_shown_in_part(kraty: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRATY_SERVER_KEY", "allofitsecret")
    ended = kraty("doctor", "--json")
    assert (ended.code, ended.json["key"]["prefix"]) == (4, None)


def test_a_host_that_does_not_answer_is_a_problem(kraty: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRATY_BASE_URL", "http://127.0.0.1:9")
    ended = kraty("doctor", "--json")
    assert ended.code == 1
    assert "no connection to http://127.0.0.1:9" in ended.json["problems"][0]
    assert ended.json["clock"] == {}


@pytest.mark.parametrize("url", ["http://example.com", "ftp://x", "https://api.kraty.io/server/v1"])
def test_an_address_that_cannot_be_is_a_problem(url: str, kraty: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRATY_BASE_URL", url)
    ended = kraty("doctor", "--json")
    assert ended.code == 2
    (problem,) = ended.json["problems"]
    assert problem.startswith("base_url: ")


def test_an_address_with_a_password_is_shown_without_it(kraty: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KRATY_BASE_URL", "https://user:hush-hush@kraty.example/eu")
    ended = kraty("doctor", "--json")
    assert (ended.code, "hush-hush" in ended.out + ended.err) == (2, False)
    assert ended.json["variables"]["KRATY_BASE_URL"] == "https://kraty.example/eu"
    (problem,) = ended.json["problems"]
    assert "credentials" in problem


@pytest.mark.parametrize(("offset", "said"), [(-90, "ahead of"), (400, "behind"), (0, None)])
def test_a_clock_that_is_wrong_is_a_problem(
    offset: int, said: str | None, kraty: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer([Reply(body=PONG, headers={"Date": formatdate(time() + offset, usegmt=True)})]) as server:
        monkeypatch.setenv("KRATY_BASE_URL", server.url)
        ended = kraty("doctor", "--json")
    facts = ended.json
    assert ended.code == (0 if said is None else 1)
    if said is None:
        assert facts["problems"] == []
    else:
        assert f"s {said} the server's" in facts["problems"][0]
        assert abs(facts["clock"]["seconds_ahead"] + offset) < 60


@pytest.mark.parametrize("date", [{}, {"Date": "yesterday"}])
def test_a_server_that_does_not_say_the_time_is_no_problem(
    date: dict[str, str], kraty: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RawServer([Reply(body=PONG, headers=date)]) as server:
        monkeypatch.setenv("KRATY_BASE_URL", server.url)
        facts = kraty("doctor", "--json").json
    assert (facts["clock"], facts["problems"]) == ({}, [])


def test_what_the_environment_decides_is_shown_without_passwords(kraty: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:hush-hush@proxy.example:3128")
    monkeypatch.setenv("HTTP_PROXY", "user:hush-hush@proxy.example")
    monkeypatch.setenv("all_proxy", "http://[hush-hush")
    monkeypatch.setenv("NO_PROXY", "localhost,.example")
    monkeypatch.setenv("KRATY_API_KEY", "hush-hush")
    monkeypatch.setenv("KRATY_BASE_URL", "https://127.0.0.1:9")
    monkeypatch.delenv("KRATY_SERVER_KEY")
    ended = kraty("doctor", "--json")
    assert "hush-hush" not in ended.out + ended.err
    assert ended.json["host"] == {"url": "https://127.0.0.1:9", "proxy": "http://proxy.example:3128"}
    variables = ended.json["variables"]
    assert variables["https_proxy"] == "http://proxy.example:3128"
    assert variables["HTTP_PROXY"] == "http://proxy.example"
    assert variables["all_proxy"] == "set, and no URL"
    assert variables["NO_PROXY"] == "localhost,.example"
    assert variables["KRATY_API_KEY"] == "set, and used by nothing here"
    assert variables["KRATY_WEBHOOK_SECRET"] == "set"
