"""How is an answer read that is no model: a list, a map, or one of several models?

Plain Python: `make generate` copies it from `templates/further/answers.py` for a document that needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kraty_server_generated.types import AnswerMismatch


class _Answer:
    """Stands for a model where `Call` reads an answer."""

    required__ = None

    def __init__(self, shape: type, decode: Callable[[Any], Any] | None) -> None:
        self.shape, self.decode = shape, decode

    def decode__(self, _data: Any) -> Any:
        raise LookupError  # read it by the other way, where `Call.parse` counts what is absent

    def decode_each__(self, data: Any) -> Any:
        if not isinstance(data, self.shape):
            wanted = "a list" if self.shape is list else "an object"
            raise AnswerMismatch(f"{wanted} was expected, got something else")
        return data if self.decode is None else self.decode(data)


def answer_of(shape: type, decode: Callable[[Any], Any] | None = None) -> Any:
    """Read an answer of this JSON type, with what decodes it."""
    return _Answer(shape, decode)
