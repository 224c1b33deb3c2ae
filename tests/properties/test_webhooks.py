"""The verifier: whatever a stranger sends, it answers; what was signed, it takes, and nothing else."""

from __future__ import annotations

import hashlib
import hmac
import time
import traceback
from datetime import UTC, datetime
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from kraty_server.webhooks import verify_webhook
from kraty_server.webhooks.signature import refusal

NOW = 1_800_000_000
anything = st.binary() | st.text(st.characters()) | st.none() | st.integers() | st.floats()
headers_of_any_kind = anything | st.lists(st.binary())
secrets = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda secret: secret.split() == [secret])


def signed(body: bytes, secret: str, at: int = NOW) -> str:
    return f"t={at},v1={hmac.new(secret.encode(), f'{at}.'.encode() + body, hashlib.sha256).hexdigest()}"


@given(anything, headers_of_any_kind)
def test_what_a_stranger_sends_never_raises_and_is_never_taken(body: Any, header: Any) -> None:
    assert verify_webhook(raw_body=body, signature_header=header, secret="s", now=NOW) is False


headers = st.lists(
    st.tuples(st.sampled_from(["t", "v1", "v0", "", "T", " t"]), st.text(max_size=70) | st.sampled_from([str(NOW), "0" * 64, "é" * 64])),
    max_size=4,
).map(lambda pairs: ",".join(f"{k}={v}" for k, v in pairs))  # fmt: skip


@given(st.binary(), headers)
def test_a_header_of_the_right_form_is_not_enough(body: bytes, header: str) -> None:
    assert verify_webhook(raw_body=body, signature_header=header, secret="s", now=NOW) is False


@given(st.binary(), secrets)
def test_what_was_signed_is_taken_as_bytes_and_as_text(body: bytes, secret: str) -> None:
    header = signed(body, secret)
    for given_body in (body, bytearray(body), memoryview(body)):
        assert verify_webhook(raw_body=given_body, signature_header=header, secret=secret, now=NOW)
    assert verify_webhook(raw_body=body, signature_header=header.encode(), secret=secret.encode(), now=NOW)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return
    assert verify_webhook(raw_body=text, signature_header=header, secret=secret, now=NOW)


@given(st.binary(min_size=1), st.data())
def test_one_other_byte_is_refused(body: bytes, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(body) - 1))
    other = bytearray(body)
    other[index] ^= data.draw(st.integers(1, 255))
    assert not verify_webhook(raw_body=bytes(other), signature_header=signed(body, "s"), secret="s", now=NOW)


@given(st.integers(-10_000, 10_000), st.integers(0, 1000))
def test_only_what_is_fresh_is_taken(age: int, tolerance: int) -> None:
    header = signed(b"{}", "s", NOW - age)
    taken = verify_webhook(raw_body=b"{}", signature_header=header, secret="s", tolerance_seconds=tolerance, now=NOW)
    assert taken == (-60 <= age <= tolerance)


def test_fresh_is_seen_from_now() -> None:
    at = int(time.time())
    assert verify_webhook(raw_body=b"{}", signature_header=signed(b"{}", "s", at), secret="s")
    assert not verify_webhook(raw_body=b"{}", signature_header=signed(b"{}", "s", at - 600), secret="s")


@pytest.mark.parametrize("value", ["é" * 64, "g" * 64, "0" * 63, "0" * 65, "é" * 32, "f", ""], ids=ascii)
@pytest.mark.parametrize("beside", [False, True])
def test_what_has_not_the_form_of_a_signature_is_passed_over(value: str, beside: bool) -> None:
    header = f"t={NOW},v1={value}" + (f",{signed(b'{}', 's').partition(',')[2]}" if beside else "")
    assert verify_webhook(raw_body=b"{}", signature_header=header, secret="s", now=NOW) is beside


@pytest.mark.parametrize("scheme", ["v0", "v2", "V1", "v", "", "sha256"])
def test_a_right_signature_of_another_scheme_is_not_enough(scheme: str) -> None:
    header = signed(b"{}", "s").replace("v1", scheme)
    assert not verify_webhook(raw_body=b"{}", signature_header=header, secret="s", now=NOW)


def test_any_of_several_signatures_will_do() -> None:
    header = signed(b"{}", "old") + "," + signed(b"{}", "new").partition(",")[2]
    for secret, taken in (("old", True), ("new", True), ("other", False)):
        assert verify_webhook(raw_body=b"{}", signature_header=header, secret=secret, now=NOW) is taken


@pytest.mark.parametrize("secret", ["", b"", [""], ["s", b""]])
def test_with_an_empty_secret_anybody_could_sign(secret: Any) -> None:
    with pytest.raises(ValueError, match="^secret: it is empty, and with an empty secret anybody can sign$"):
        verify_webhook(raw_body=b"{}", signature_header=signed(b"{}", "s"), secret=secret, now=NOW)


@pytest.mark.parametrize("secret", [None, 5, [5], ["s", None], {"a": 1}.values(), "\ud800"])
def test_a_secret_that_is_no_text_is_refused(secret: Any) -> None:
    with pytest.raises(TypeError, match="^secret: text or bytes are needed$"):
        verify_webhook(raw_body=b"{}", signature_header="t=1,v1=2", secret=secret)


@pytest.mark.parametrize("secret", ["s\n", " s", "a b", b"s\r\n", "s\u00a0", ["s", "t\n"], " "])
def test_a_secret_with_white_space_is_a_mistake(secret: Any) -> None:
    with pytest.raises(ValueError, match="^secret: it holds white space"):
        verify_webhook(raw_body=b"{}", signature_header=signed(b"{}", "s"), secret=secret, now=NOW)


def test_no_secret_at_all_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="^secret: there is none in what was given$"):
        verify_webhook(raw_body=b"{}", signature_header=signed(b"{}", "s"), secret=[], now=NOW)


@given(st.lists(secrets, min_size=1, max_size=4, unique=True), st.data())
def test_any_of_several_secrets_will_do_and_no_other(several: list[str], data: st.DataObject) -> None:
    by = data.draw(st.sampled_from(several))
    header = signed(b"{}", by)
    given_secrets: list[Any] = [several, tuple(several), iter(several), [secret.encode() for secret in several]]
    for secret in given_secrets:
        assert verify_webhook(raw_body=b"{}", signature_header=header, secret=secret, now=NOW)
    rest = [secret for secret in several if secret != by]
    assert not (rest and verify_webhook(raw_body=b"{}", signature_header=header, secret=rest, now=NOW))


@pytest.mark.parametrize("body", [{}, [], {"id": "evt_1"}, [b"{}"]])
def test_a_body_that_was_parsed_is_a_mistake_whoever_calls(body: Any) -> None:
    for header in (None, "", "t=1,v1=2", signed(b"{}", "s")):
        with pytest.raises(TypeError, match="^raw_body: it was parsed before; give the bytes as they came$"):
            verify_webhook(raw_body=body, signature_header=header, secret="s", now=NOW)


GOOD = signed(b"{}", "s")
TIME, V1 = GOOD.split(",")


@pytest.mark.parametrize(
    ("reason", "body", "header"),
    [
        (None, b"{}", GOOD),
        (None, b"", signed(b"", "s")),
        ("signature_missing", b"{}", None),
        ("signature_missing", b"{}", " "),
        ("signature_missing", None, None),
        ("signature_malformed", b"{}", V1),
        ("signature_malformed", b"{}", TIME),
        ("signature_malformed", b"{}", f"{TIME},{GOOD}"),
        ("signature_malformed", b"{}", f"t=-1,{V1}"),
        ("signature_malformed", b"{}", f"t={'1' * 21},{V1}"),
        ("signature_malformed", b"{}", V1 + " " * 3 + TIME),
        ("signature_malformed", b"{}", f"{TIME},v1={V1[3:-1]} "),
        ("signature_malformed", b"{}", f"{TIME},v1={V1[3:-2]}  00"),
        ("signature_malformed", b"{}", 5),
        ("signature_malformed", b"{}", [GOOD]),
        ("signature_mismatch", b"{} ", GOOD),
        ("signature_mismatch", b"{} ", signed(b"{}", "s", NOW - 301)),  # the age of what anybody may have made is none
        ("too_old", b"{}", signed(b"{}", "s", NOW - 301)),
        (None, b"{}", signed(b"{}", "s", NOW - 300)),
        ("in_the_future", b"{}", signed(b"{}", "s", NOW + 61)),
        (None, b"{}", signed(b"{}", "s", NOW + 60)),
        ("body_empty", b"", GOOD),
        ("body_empty", "", GOOD),
        ("body_not_bytes", None, GOOD),
        ("body_not_bytes", 5, GOOD),
        ("body_not_bytes", "\ud800", GOOD),
    ],
)
def test_each_refusal_has_its_reason(reason: str | None, body: Any, header: Any) -> None:
    assert refusal(body, header, [b"s"], 300, NOW) == reason
    assert verify_webhook(raw_body=body, signature_header=header, secret="s", now=NOW) is (reason is None)


def test_no_frame_that_refuses_a_secret_holds_it() -> None:
    with pytest.raises(ValueError, match="white space") as refused:
        verify_webhook(raw_body=b"{}", signature_header=None, secret="whsec_plain \n")
    frames = [frame for frame, _ in traceback.walk_tb(refused.tb) if frame.f_code.co_filename != __file__]
    assert frames
    assert not any("whsec_plain" in repr(frame.f_locals) for frame in frames)


def test_now_is_a_number_or_an_aware_datetime() -> None:
    header = signed(b"{}", "s")
    assert verify_webhook(raw_body=b"{}", signature_header=header, secret="s", now=datetime.fromtimestamp(NOW, UTC))
    for wrong in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="^tolerance_seconds must be 0 or more, and now a finite number$"):
            verify_webhook(raw_body=b"{}", signature_header=header, secret="s", now=wrong)
    with pytest.raises(
        ValueError, match=r"^now: a naive datetime is ambiguous; give it a zone, as in datetime.now\(UTC\)$"
    ):
        verify_webhook(raw_body=b"{}", signature_header=header, secret="s", now=datetime(2026, 1, 1))
