from django.db import migrations, models

import accounts.models


def name_existing(apps, schema_editor):
    Domain = apps.get_model("domains", "Domain")
    for domain in Domain.objects.filter(public_id=None).only("id").iterator():
        domain.public_id = accounts.models.new_public_id()
        domain.save(update_fields=["public_id"])


class Migration(migrations.Migration):
    dependencies = [
        ("domains", "0001_initial"),
    ]

    operations = [
        migrations.AddField("domain", "public_id", models.CharField(max_length=16, null=True)),
        migrations.RunPython(name_existing, migrations.RunPython.noop),
        migrations.AlterField(
            "domain",
            "public_id",
            models.CharField(
                default=accounts.models.new_public_id, editable=False, max_length=16, unique=True
            ),
        ),
        migrations.AddField(
            "domain", "dkim_verified", models.BooleanField(editable=False, null=True)
        ),
        migrations.AddField(
            "domain", "return_path_verified", models.BooleanField(editable=False, null=True)
        ),
        migrations.AddField(
            "domain", "spf_verified", models.BooleanField(editable=False, null=True)
        ),
        migrations.AddField(
            "domain",
            "signs_as_mta",
            models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            "domain", "checked_at", models.DateTimeField(blank=True, editable=False, null=True)
        ),
        migrations.AddField(
            "domain",
            "findings",
            models.JSONField(
                default=list, db_default=models.Value([], models.JSONField()), editable=False
            ),
        ),
    ]
