"""How does Airflow call Kraty? A connection type, a hook and a retry policy, of the extra `airflow`.

They are imported when they are asked for: Airflow asks every provider for its info whenever it starts, Airflow 2 as
well, and one that fails there keeps all of Airflow from starting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kraty_server.airflow.provider import get_provider_info

if TYPE_CHECKING:
    from kraty_server.airflow.hook import KratyHook
    from kraty_server.airflow.retry_policy import KratyRetryPolicy

__all__ = ["KratyHook", "KratyRetryPolicy", "get_provider_info"]


def __getattr__(name: str) -> object:
    if name == "KratyHook":
        from kraty_server.airflow.hook import KratyHook

        return KratyHook
    if name == "KratyRetryPolicy":
        from kraty_server.airflow.retry_policy import KratyRetryPolicy

        return KratyRetryPolicy
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
