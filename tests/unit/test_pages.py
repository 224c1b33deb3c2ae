"""A method that lists gives a page: the next one, and all items from there on, in both flavours."""

from __future__ import annotations

import asyncio
from typing import Any, Generic, NamedTuple, TypeVar

import httpx
import pytest

from kraty_server import AsyncKratyServer, KratyServer, NotFoundError
from kraty_server._endpoint import AsyncResource, SyncResource, pages
from kraty_server._http.connections import with_headers
from kraty_server_generated.types import Call

T = TypeVar("T")
TEXTS = {"1": ["a", "b"], "2": [], "3": ["c"]}


class Slice(NamedTuple, Generic[T]):
    items: list[T]
    answer: Any
    next_call: Call[Any] | None


def numbered(number: int) -> Call[Slice[str]]:
    call: Call[Any] = Call("texts.list", "GET", "/texts/{number}", f"/texts/{number}")
    return call.then(lambda found: Slice(found["texts"], found, numbered(number + 1) if number < 4 else None))


class TextsCalls:
    @pages
    def all(self, number: int) -> Call[Slice[str]]:
        """List texts."""
        return numbered(number)


class Texts(TextsCalls, SyncResource):
    pass


class AsyncTexts(TextsCalls, AsyncResource):
    pass


def respond(request: httpx.Request) -> httpx.Response:
    number = request.url.path.rpartition("/")[2]
    if number in TEXTS:
        return httpx.Response(200, json={"texts": TEXTS[number]})
    return httpx.Response(404, json={"error": {"code": "not_found", "message": "no such page"}})


def blocking() -> Texts:
    kraty = KratyServer(api_key="prefix.secret", transport=httpx.MockTransport(respond))
    return Texts(kraty._connections, kraty._options)


def awaited() -> AsyncTexts:
    kraty = AsyncKratyServer(api_key="prefix.secret", transport=httpx.MockTransport(respond))
    return AsyncTexts(kraty._connections, kraty._options)


def test_pages_follow_each_other() -> None:
    page = blocking().all(1)
    assert (page.items, page.has_next, page.answer) == (["a", "b"], True, {"texts": ["a", "b"]})
    assert repr(page) == "Page(items=['a', 'b'], has_next=True)"
    following = page.next_page()
    assert following is not None
    assert following.items == []


def test_pages_follow_each_other_on_an_event_loop() -> None:
    async def main() -> None:
        page = await awaited().all(1)
        assert (page.items, page.has_next, page.answer) == (["a", "b"], True, {"texts": ["a", "b"]})
        assert repr(page) == "AsyncPage(items=['a', 'b'], has_next=True)"
        following = await page.next_page()
        assert following is not None
        assert following.items == []

    asyncio.run(main())


def test_items_that_came_are_given_before_a_page_that_does_not_come() -> None:
    items = iter(blocking().all(1))
    assert [next(items), next(items), next(items)] == ["a", "b", "c"]
    with pytest.raises(NotFoundError):
        next(items)


def test_items_that_came_are_given_before_a_page_that_does_not_come_on_an_event_loop() -> None:
    async def main() -> None:
        items = aiter(await awaited().all(1))
        assert [await anext(items), await anext(items), await anext(items)] == ["a", "b", "c"]
        with pytest.raises(NotFoundError):
            await anext(items)

    asyncio.run(main())


def test_the_last_page_has_none_after_it() -> None:
    TEXTS["4"] = ["d"]
    try:
        page = blocking().all(4)
        assert (page.has_next, page.next_page(), list(page)) == (False, None, ["d"])
    finally:
        del TEXTS["4"]


def test_the_method_is_seen_on_its_class_only() -> None:
    assert isinstance(vars(TextsCalls)["all"], pages)
    assert "List texts." in (Texts.all.__doc__ or "")


def test_headers_of_a_call_win_over_those_of_the_client() -> None:
    kraty = KratyServer(api_key="prefix.secret").with_options(headers={"X-Trace": "client", "X-Other": "kept"})
    assert with_headers(kraty._options, {"x-trace": "call"}).headers == {"X-Other": "kept", "x-trace": "call"}
