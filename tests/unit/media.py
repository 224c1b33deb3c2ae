"""Calls that send a form or get bytes, as a document that has such would make them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from kraty_server import KratyServer
from kraty_server._endpoint import AsyncResource, SyncResource, downloads, endpoint
from kraty_server_generated.types import Call
from tests.flavours import Open

PNG = ("image/png",)


class Part(NamedTuple):
    """A file as the generated code hands it on."""

    content: Any
    filename: str = "a.png"
    content_type: str = "image/png"
    max_bytes: int | None = None
    name: str = "file"


class FilesCalls:
    @endpoint
    def add(self, /, **body: Any) -> Call[Any]:
        """Send a form."""
        return Call(
            "files.add", "POST", "/files", "/files", body=body, is_form=True, idempotency_field="idempotencyKey"
        )

    @downloads
    def get(self, *, media_types: tuple[str, ...] = PNG, max_bytes: int | None = None) -> Call[bytes]:
        """Get bytes."""
        return Call("files.get", "GET", "/files/{id}", "/files/a", media_types=media_types, max_bytes=max_bytes)


class Files(FilesCalls, SyncResource):
    pass


class AsyncFiles(FilesCalls, AsyncResource):
    pass


def files(kraty: Any) -> Any:
    """The calls on a client."""
    kind: Any = Files if isinstance(kraty, KratyServer) else AsyncFiles
    return kind(kraty._connections, kraty._options)


def add(use: Open, **body: Any) -> Any:
    """Send a form with a client."""
    return use(lambda kraty: files(kraty).add(**body))


def get(use: Open, step: Callable[[Any], Any], **arguments: Any) -> Any:
    """Get bytes with a client, and do something with the download."""
    if isinstance(use.kraty, KratyServer):
        return step(files(use.kraty).get(**arguments))

    async def awaited(kraty: Any) -> Any:
        return await step(await files(kraty).get(**arguments))

    return use(awaited)
