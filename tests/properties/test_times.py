"""Every date-time that can be given is sent as that instant, or refused under the name of its argument."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kraty_server_generated.api import grants
from kraty_server_generated.models import CurrencyEntry
from kraty_server_generated.types import check_time, format_time, parse_time

OFFSETS = st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59)).map(timezone)
ZONES = st.timezones() | OFFSETS | st.just(UTC)
EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))


class Lost(tzinfo):
    """A zone that cannot tell."""

    def utcoffset(self, _: datetime | None) -> timedelta:
        raise OverflowError("date value out of range")

    def dst(self, _: datetime | None) -> None:
        return None

    def tzname(self, _: datetime | None) -> str:
        return "Lost"


def in_utc(time: datetime) -> datetime | None:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return None


@given(st.datetimes(timezones=ZONES))
@example(datetime.max.replace(tzinfo=WEST))
@example(datetime.min.replace(tzinfo=EAST))
@example(datetime.max.replace(tzinfo=UTC))
@example(datetime.min.replace(tzinfo=UTC))
@example(datetime.max.replace(tzinfo=ZoneInfo("America/New_York")))
def test_a_time_is_sent_as_its_instant_or_refused_by_name(time: datetime) -> None:
    instant = in_utc(time)
    if instant is None:
        with pytest.raises(ValueError, match=r"^at: .* there is before year 1 or after year 9999 in UTC$"):
            check_time(time, "at")
    else:
        text = check_time(time, "at")
        assert len(text) == len("2026-01-01T00:00:00.000Z")
        assert parse_time(text) == instant.replace(microsecond=instant.microsecond // 1000 * 1000)


@given(st.datetimes())
def test_a_time_without_a_zone_is_refused(time: datetime) -> None:
    with pytest.raises(ValueError, match=r"^at: a naive datetime is ambiguous"):
        check_time(time, "at")


@given(st.datetimes(timezones=ZONES))
def test_what_the_server_wrote_is_written_back_however_far_it_is(time: datetime) -> None:
    text = time.isoformat()
    assert format_time(parse_time(text)) == text


@pytest.mark.parametrize("bad", [5, 5.0, b"2026", [], True, object()])
def test_what_is_no_time_is_refused(bad: Any) -> None:
    with pytest.raises(TypeError, match=r"^at: text is needed"):
        check_time(bad, "at")


@pytest.mark.parametrize("zone", [WEST, Lost()])
def test_the_argument_of_a_call_is_named(zone: tzinfo) -> None:
    with pytest.raises(ValueError, match=r"^expires_at: 9999-12-31 23:59:59\.999999 there is before year 1 or after"):
        grants.create(
            "p", entries=[CurrencyEntry("gold", 1)], idempotency_key="k", expires_at=datetime.max.replace(tzinfo=zone)
        )
