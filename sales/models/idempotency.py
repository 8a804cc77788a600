"""Answers kept for requests that come again."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models


class StoredAnswer(models.Model):
    """The first answer to a request that carried an Idempotency-Key.

    Written in the transaction of what the request did, so that it also settles a COMMIT whose
    answer was lost. `fingerprint` tells the same request from another under the same key.

    A request that takes several transactions (an order that is paid) writes its row in the first
    of them, with `subject`, the id of what it works on, and no status yet: a repeat goes on there.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Kept for a day: no constraint in the database, and the index is that of the key.
    fan = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    subject = models.UUIDField(null=True)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["fan", "key"], name="one_answer_a_key"),
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="answer_created_at")]

    def __str__(self) -> str:
        return self.key
