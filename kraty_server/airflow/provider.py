"""What does Airflow have to know of us? The provider's info, without an import of Airflow."""

from __future__ import annotations

from typing import Any, Final

from kraty_server._options import DISTRIBUTION
from kraty_server_generated.contract import ORIGIN

CONNECTION_TYPE: Final = "kraty"
NAME: Final = "Kraty"
"""What people read in the list of connection types."""


def get_provider_info() -> dict[str, Any]:
    """Describe the provider, for the entry point `apache_airflow_provider`."""
    return {
        "package-name": DISTRIBUTION,
        "name": NAME,
        "description": "Game events of Kraty: grants, wallets, items, lobbies, scores and players.",
        "integrations": [{"integration-name": NAME, "external-doc-url": "https://kraty.io", "tags": ["service"]}],
        "hooks": [{"integration-name": NAME, "python-modules": ["kraty_server.airflow.hook"]}],
        "connection-types": [
            {
                "connection-type": CONNECTION_TYPE,
                "hook-class-name": "kraty_server.airflow.hook.KratyHook",
                "hook-name": NAME,
                "ui-field-behaviour": {
                    "hidden-fields": ["login", "port", "schema", "extra"],
                    "relabeling": {"password": "API key", "host": "Base URL"},
                    "placeholders": {"password": "a server_integration key", "host": ORIGIN},
                },
            }
        ],
    }
