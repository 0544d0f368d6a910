"""Print the records of all signing keys, for the zone that customers' CNAMEs lead into."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from domains import aliases
from domains.zone_file import zone_file


class Command(BaseCommand):
    help = "Print the records of DKIM_ZONE, for your DNS server to include."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        if not settings.DKIM_ZONE:
            raise CommandError("Set DKIM_ZONE first: a zone of yours, such as dkim.example.com.")
        self.stdout.write(zone_file(aliases.published()), ending="")
