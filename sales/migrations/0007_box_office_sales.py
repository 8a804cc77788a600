import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sales", "0006_waiting_rooms"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BoxOfficeSale",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "paid_by",
                    models.CharField(
                        choices=[("cash", "Cash"), ("card", "Card"), ("comp", "Complimentary")],
                        max_length=10,
                    ),
                ),
                ("sold_at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "order",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="box_office_sale",
                        to="sales.order",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("paid_by__in", ["cash", "card", "comp"])),
                        name="counter_payment_is_known",
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["event", "created_at"], name="ledger_event_created_at"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["event", "created_at"], name="order_event_created_at"),
        ),
    ]
