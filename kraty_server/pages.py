"""What does a call give that lists a page at a time? A page, the one after it, and all items from there on.

The cursor of a page is in the call for it, which the generated code makes; nothing here knows how it is called.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

from kraty_server_generated.types import Call

__all__ = ["AsyncPage", "Page"]

T = TypeVar("T")
Item = TypeVar("Item", covariant=True)


class Listed(Protocol[Item]):
    """A page as the generated code reads it."""

    @property
    def items(self) -> Sequence[Item]:
        """What is on it."""
        ...

    @property
    def answer(self) -> Any:
        """The answer that it came in."""
        ...

    @property
    def next_call(self) -> Call[Any] | None:
        """The call for the next page."""
        ...

    def __len__(self) -> int:  # no model is taken for one: checkers take a `__getattr__` for everything but this
        ...


class Page(Generic[T]):
    """One page of a list. Iterate over it for all items from here on: each further page is fetched when it is needed.

    A page that cannot be fetched raises as the call for the first one does. Iterate again, or ask for the next page
    again, to go on after the last page that came.
    """

    def __init__(self, listed: Listed[T], run: Callable[[Call[Any]], Listed[T]]) -> None:
        self.items: list[T] = list(listed.items)
        """What is on this page."""
        self.answer: Any = listed.answer
        """The model that the page came in, with what else it says."""
        self._next, self._run = listed.next_call, run

    @property
    def has_next(self) -> bool:
        """Whether another page follows."""
        return self._next is not None

    def next_page(self) -> Page[T] | None:
        """Fetch the page after this one; None where this is the last."""
        return None if self._next is None else Page(self._run(self._next), self._run)

    def __iter__(self) -> Iterator[T]:
        page: Page[T] | None = self
        while page is not None:
            yield from page.items
            page = page.next_page()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(items={self.items!r}, has_next={self.has_next})"


class AsyncPage(Generic[T]):
    """One page of a list, for asyncio: see `Page`. Iterate with `async for`."""

    def __init__(self, listed: Listed[T], run: Callable[[Call[Any]], Coroutine[Any, Any, Listed[T]]]) -> None:
        self.items: list[T] = list(listed.items)
        """What is on this page."""
        self.answer: Any = listed.answer
        """The model that the page came in, with what else it says."""
        self._next, self._run = listed.next_call, run

    @property
    def has_next(self) -> bool:
        """Whether another page follows."""
        return self._next is not None

    async def next_page(self) -> AsyncPage[T] | None:
        """Fetch the page after this one; None where this is the last."""
        return None if self._next is None else AsyncPage(await self._run(self._next), self._run)

    async def __aiter__(self) -> AsyncIterator[T]:
        page: AsyncPage[T] | None = self
        while page is not None:
            for item in page.items:
                yield item
            page = await page.next_page()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(items={self.items!r}, has_next={self.has_next})"
