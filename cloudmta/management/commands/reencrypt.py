"""Bring every secret under the first master key, so that the others can be taken out."""

from collections.abc import Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db import models

from accounts import vault
from accounts.vault import KeyUnreadable

# How everything begins that the vault has sealed: Fernet's version, and a time in this century.
SEALED = "gAAAAA"


class Command(BaseCommand):
    help = "Encrypt all secrets anew with the first key of MASTER_KEYS; then drop the other keys."

    def handle(self, *args: object, **options: object) -> None:
        unreadable: list[str] = []
        count = 0
        for model, field in _columns():
            count += _reencrypt_column(model, field, unreadable)
        count += _reencrypt_factors(unreadable)
        self.stdout.write(f"{count} secrets are encrypted with the first of MASTER_KEYS.")
        if unreadable:
            raise CommandError(
                f"These open with none of MASTER_KEYS: {', '.join(unreadable)}. Put the key back "
                "that they were encrypted with, and run this again."
            )


def _columns() -> Iterator[tuple[type[models.Model], str]]:
    """Walk through all columns that hold sealed secrets; their names say so."""
    for model in apps.get_models():
        for field in model._meta.concrete_fields:
            if isinstance(field, models.BinaryField) and field.name.startswith("encrypted_"):
                yield model, field.name


def _reencrypt_column(model: type[models.Model], field: str, unreadable: list[str]) -> int:
    rows = model._default_manager.exclude(**{field: None}).exclude(**{field: b""})
    count = 0
    for pk, sealed in rows.values_list("pk", field).iterator():
        try:
            renewed = vault.renew(bytes(sealed))
        except KeyUnreadable:
            unreadable.append(f"{model._meta.label} {pk} {field}")
            continue
        # Only where it is still the same: it may be replaced at this very moment.
        count += model._default_manager.filter(pk=pk, **{field: sealed}).update(**{field: renewed})
    return count


def _reencrypt_factors(unreadable: list[str]) -> int:
    """Renew the secrets of second factors, which lie within JSON."""
    count = 0
    for factor in Authenticator.objects.iterator():
        try:
            data = {name: _renewed(value) for name, value in factor.data.items()}
        except KeyUnreadable:
            unreadable.append(f"{factor._meta.label} {factor.pk}")
            continue
        if data != factor.data:
            count += Authenticator.objects.filter(pk=factor.pk, data=factor.data).update(data=data)
    return count


def _renewed(value: Any) -> Any:
    if isinstance(value, list):
        return [_renewed(one) for one in value]
    if isinstance(value, str) and value.startswith(SEALED):
        return vault.renew(value.encode()).decode()
    return value
