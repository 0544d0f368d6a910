"""Make the key for the operator's own signature, and print the record to publish."""

import os
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from domains import keys, signing


class Command(BaseCommand):
    help = "Make OPERATOR_SIGNING_KEY_FILE where it is missing, and print the DNS record for it."
    requires_system_checks = ()

    def handle(self, *args: object, **options: object) -> None:
        if not settings.OPERATOR_SIGNING_DOMAIN:
            raise CommandError("Set OPERATOR_SIGNING_DOMAIN first: the domain that is to sign.")
        path = Path(settings.OPERATOR_SIGNING_KEY_FILE)
        try:
            if not path.exists():
                _write(path, keys.generate()[0])
            (signer,) = signing.operator_signers()
        except (OSError, ValueError, TypeError) as error:
            raise CommandError(f"{path} cannot be used: {error}") from error
        name = f"{signer.selector}._domainkey.{signer.domain}"
        self.stdout.write(f"{name}  TXT  {keys.record_of(signer)}")


def _write(path: Path, private_pem: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(private_pem)
