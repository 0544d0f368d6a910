from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("mail", "0013_report_unclassified")]

    operations = [
        migrations.AlterField(
            model_name="incomingreport",
            name="state",
            field=models.CharField(
                choices=[
                    ("unread", "Unread"),
                    ("read", "Read"),
                    ("ignored", "Ignored"),
                    ("unclassified", "Unclassified"),
                ],
                default="unread",
                max_length=12,
            ),
        ),
    ]
