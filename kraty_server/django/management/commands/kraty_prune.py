"""Forget webhooks that will not come again: `manage.py kraty_prune --days 30`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils.timezone import now

from kraty_server.django.models import Delivery


class Command(BaseCommand):
    """Deletes the notes of deliveries that are older than some days."""

    help = "Delete the notes of webhooks that were handled more than so many days ago."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take `--days`."""
        parser.add_argument("--days", type=int, default=30, help="days that a note is kept (30)")

    def handle(self, *_: Any, **options: Any) -> None:
        """Delete them."""
        deleted, _by_model = Delivery.objects.filter(handled_at__lt=now() - timedelta(days=options["days"])).delete()
        self.stdout.write(f"{deleted} deleted")
