"""What is the app called? `kraty_server.django` in INSTALLED_APPS, `kraty` to `migrate`."""

from __future__ import annotations

from django.apps import AppConfig


class KratyConfig(AppConfig):
    """The webhooks of Kraty."""

    name = "kraty_server.django"
    label = "kraty"
