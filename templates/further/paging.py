"""How does a list go on? A call for a page knows the call for the next one; nothing is sent here.

Plain Python: `make generate` copies it from `templates/further/paging.py` for a document that needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

from kraty_server_generated.types import AnswerMismatch, Call

T = TypeVar("T")
A = TypeVar("A")


class Slice(NamedTuple, Generic[T]):
    """One page of a list."""

    items: list[T]
    answer: Any
    """The model that came, with what else it says."""
    next_call: Call[Slice[T]] | None
    """The call for the next page; None where this is the last."""


def paged(call: Call[A], parameter: str, split: Callable[[A], tuple[list[T], object]]) -> Call[Slice[T]]:
    """Make a call for a page of one for a list.

    Args:
        parameter: the name in the query that takes the cursor.
        split: takes the items and the next cursor out of an answer; there is no next page where that is empty.
    """

    def change(answer: A) -> Slice[T]:
        items, cursor = split(answer)
        if not cursor:
            return Slice(items, answer, None)
        path, _, query = call.path.partition("?")
        name = quote(parameter, safe="")
        kept = [pair for pair in query.split("&") if pair and pair.partition("=")[0] != name]
        following = call._replace(path=f"{path}?{'&'.join([*kept, name + '=' + quote(str(cursor), safe='')])}")
        if following.path == call.path:
            raise AnswerMismatch(f"the next {parameter} is the one that was asked for, so the list would never end")
        return Slice(items, answer, paged(following, parameter, split))

    return call.then(change)
