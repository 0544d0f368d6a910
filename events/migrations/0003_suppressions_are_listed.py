from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0002_suppressions_and_webhooks"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="suppression",
            index=models.Index(fields=["account", "-id"], name="suppression_by_account"),
        ),
        migrations.AddIndex(
            model_name="suppression",
            index=models.Index(
                fields=["account", "address"],
                opclasses=["int8_ops", "text_pattern_ops"],
                name="suppression_by_prefix",
            ),
        ),
    ]
