"""Which webhooks were handled? The table of the events' ids, against duplicates."""

from __future__ import annotations

from datetime import datetime

from django.db import models


class Delivery(models.Model):
    """A webhook that was handled. Its row was written in one transaction with what the handler did."""

    id: models.CharField[str, str] = models.CharField(max_length=255, primary_key=True)
    event: models.CharField[str, str] = models.CharField(max_length=255)
    handled_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        """As the admin shows it."""

        verbose_name_plural = "deliveries"

    def __str__(self) -> str:
        return f"{self.event} {self.id}"
