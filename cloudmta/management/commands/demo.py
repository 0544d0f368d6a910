"""Make the demo account, and write var/demo.json."""

from django.core.management.base import BaseCommand

from cloudmta.demo import demo_file, ensure_demo
from cloudmta.startup import require_database


class Command(BaseCommand):
    help = "Make a demo account with a verified domain and a credential, and say how to use it."

    def handle(self, *args: object, **options: object) -> None:
        require_database()
        ensure_demo()
        self.stdout.write(f"The demo account is ready; how to use it stands in {demo_file()}.")
