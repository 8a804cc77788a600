"""The secrets of webhooks are sealed; those that are stored plain are, one row a transaction."""

from django.db import migrations

import sales.models.webhooks
import worldseat.sealing
from worldseat.dsql.occ import occ_retry


def seal(apps, schema_editor):
    """Read each endpoint and write its secrets, which seals them; again does no harm."""
    endpoints = apps.get_model("sales", "WebhookEndpoint")._base_manager

    @occ_retry(repeatable=True, using=schema_editor.connection.alias)
    def seal_one(pk):
        found = endpoints.using(schema_editor.connection.alias).filter(pk=pk).first()
        if found:
            names = [each for each in ("secret", "previous_secret") if getattr(found, each)]
            found.save(update_fields=names)

    rows = endpoints.using(schema_editor.connection.alias).order_by("pk")
    for pk in list(rows.values_list("pk", flat=True)):
        seal_one(pk)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("sales", "0014_presale_code_disabled_at"),
    ]

    operations = [
        migrations.AlterField(
            model_name="webhookendpoint",
            name="previous_secret",
            field=worldseat.sealing.SealedField(
                blank=True, editable=False, max_length=255, plain="whsec_", use="webhook"
            ),
        ),
        migrations.AlterField(
            model_name="webhookendpoint",
            name="secret",
            field=worldseat.sealing.SealedField(
                default=sales.models.webhooks.new_secret,
                editable=False,
                max_length=255,
                plain="whsec_",
                use="webhook",
            ),
        ),
        migrations.RunPython(seal, migrations.RunPython.noop),
    ]
