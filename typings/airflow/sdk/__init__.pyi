# What we use of Airflow's SDK, for type checkers: Airflow is too heavy for the environment of the others, and its
# SDK does not come without it. `make airflow` checks the same code against Airflow's own types.
import abc
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self, TypeAlias

Context: TypeAlias = Mapping[str, Any]

class Connection:
    conn_id: str
    host: str | None
    password: str | None
    port: int | None

class BaseHook:
    def __init__(self, logger_name: str | None = None) -> None: ...
    @classmethod
    def get_connection(cls, conn_id: str) -> Connection: ...
    @classmethod
    async def aget_connection(cls, conn_id: str) -> Connection: ...
    def get_conn(self) -> Any: ...

class RetryDecision:
    @classmethod
    def fail(cls, reason: str | None = None) -> Self: ...
    @classmethod
    def retry(cls, delay: timedelta | None = None, reason: str | None = None) -> Self: ...
    @classmethod
    def default(cls) -> Self: ...

class RetryPolicy(abc.ABC):
    @abc.abstractmethod
    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision: ...
