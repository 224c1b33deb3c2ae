"""How does a task of Airflow reach Kraty? With a client that `KratyHook` makes from a connection."""

from __future__ import annotations

from typing import TypedDict

from airflow.sdk import BaseHook, Connection

from kraty_server.airflow.provider import CONNECTION_TYPE, NAME
from kraty_server.client import AsyncKratyServer, KratyServer
from kraty_server.errors import KratyError


class KratyHook(BaseHook):
    """Makes clients from a connection of Airflow, of the type `kraty`.

    The connection's password is the API key. Its host is the base URL; without one it is that of `KratyServer()`.

    Args:
        kraty_conn_id: id of the connection.
    """

    conn_name_attr = "kraty_conn_id"
    default_conn_name = "kraty_default"
    conn_type = CONNECTION_TYPE
    hook_name = NAME

    def __init__(self, kraty_conn_id: str = default_conn_name) -> None:
        super().__init__()
        self.kraty_conn_id = kraty_conn_id

    def get_conn(self) -> KratyServer:
        """Make a client. It is yours to close: `with KratyHook().get_conn() as kraty:`.

        `with_options` gives it other options.

        Raises:
            ValueError: the connection has no key, or what it has cannot be; the message names it.
            AirflowNotFoundException: there is no such connection.
        """
        # In no variable: tracebacks are logged with them, and the connection shows the key.
        return KratyServer(**_options(self.get_connection(self.kraty_conn_id)))

    async def aget_conn(self) -> AsyncKratyServer:
        """Make a client for a task that is `async def`: `async with await KratyHook().aget_conn() as kraty:`.

        Raises:
            ValueError, AirflowNotFoundException: as with `get_conn`.
        """
        return AsyncKratyServer(**_options(await self.aget_connection(self.kraty_conn_id)))

    def test_connection(self) -> tuple[bool, str]:
        """Ask Kraty whose key it is, for the button `Test` of Airflow and `airflow connections test`."""
        try:
            with self.get_conn() as kraty:
                key = kraty.health.ping().api_key
        except (KratyError, ValueError) as error:
            return False, str(error)
        return True, f"Key {key.prefix} works: {key.environment}, game {key.game_id}, {key.permission_set}"


class _Options(TypedDict):
    api_key: str
    base_url: str | None


def _options(connection: Connection) -> _Options:
    """Read what a connection says. A URI, as in `AIRFLOW_CONN_…`, has the port apart."""
    if not connection.password:  # never the key of the environment, which may be of another game
        raise ValueError(f"connection {connection.conn_id}: it has no password, which is the API key")
    url = connection.host or None
    if url is not None and "://" not in url:
        url = f"https://{url}"
    if url is not None and connection.port:
        url = f"{url}:{connection.port}"
    return {"api_key": connection.password, "base_url": url}
