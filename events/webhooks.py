"""The addresses that events are posted to: which URLs we take, and the secrets that sign."""

import ipaddress
import os
import re
from base64 import b64encode
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit, urlunsplit

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest
from django.utils import timezone

from accounts import vault
from accounts.models import Account
from domains import networks
from domains.addresses import AddressError, normalise_domain
from events import outbox
from events.identifiers import new_id
from events.models import Webhook, WebhookBatch

MAX_URL = 2000  # characters
# Every event is posted to each of them, so their number multiplies our work.
MAX_WEBHOOKS = 50
# Standard Webhooks asks for 24 to 64.
SECRET_BYTES = 32
# So long posts are signed with the secret before the last rotation as well.
ROTATION = timedelta(hours=24)
# Ports of the web; below 1024 everything else is some other protocol, which a POST could abuse.
WELL_KNOWN_PORTS = (443, 80)
FIRST_FREE_PORT = 1024
# What stands in place of a password when a URL is shown.
HIDDEN = "***"

VISIBLE = re.compile(r'[^\x00-\x20\x7f-\U0010FFFF"<>\\^`{|}]+')
# inet_aton takes names such as 0x7f.0x1 for addresses.
HEXADECIMAL = re.compile(r"(?:.*\.)?0x[0-9a-f]*", re.IGNORECASE)


class UrlRefused(Exception):
    """Nothing is ever posted to such a URL. Says why."""


class TooManyWebhooks(Exception):
    """The account has all the webhooks that it may have."""


def create(account: Account, url: str, **fields: object) -> tuple[Webhook, str]:
    """Return a new webhook and its secret, shown only now. Raises UrlRefused, TooManyWebhooks."""
    check_url(url)
    secret = new_secret()
    with transaction.atomic():
        # One at a time, so that two at once cannot pass the limit together.
        Account.objects.select_for_update().get(pk=account.pk)
        if account.webhooks.count() >= MAX_WEBHOOKS:
            raise TooManyWebhooks(f"An account has at most {MAX_WEBHOOKS} webhooks")
        webhook = Webhook.objects.create(
            id=new_id(),
            account=account,
            url=url,
            encrypted_secret=vault.encrypt(secret.encode()),
            **fields,
        )
    return webhook, secret


def rotate(webhook: Webhook) -> str:
    """Give a webhook a new secret and return it; the one before signs beside it for a day.

    Raises Webhook.DoesNotExist where it was removed meanwhile.
    """
    secret = new_secret()
    with transaction.atomic():
        # Of two rotations at once, the second must keep the first one's secret as the previous.
        current = Webhook.objects.select_for_update().get(pk=webhook.pk)
        webhook.encrypted_previous_secret = current.encrypted_secret
        webhook.previous_secret_until = timezone.now() + ROTATION
        webhook.encrypted_secret = vault.encrypt(secret.encode())
        webhook.save(
            update_fields=[
                "encrypted_secret", "encrypted_previous_secret", "previous_secret_until",
            ]
        )  # fmt: skip
    return secret


def change(webhook: Webhook, **fields: object) -> None:
    """Change what a customer may. A webhook that is enabled or moved starts without a past."""
    if fields.get("is_enabled") or "url" in fields:
        fields |= {"failures": 0, "failing_since": None, "paused_until": None}
    if "is_enabled" in fields:
        fields["disabled_for"] = ""
    with transaction.atomic():
        changed = Webhook.objects.filter(pk=webhook.pk).update(**fields)
        if changed and "failures" in fields:
            make_due(webhook)


def remove(webhook: Webhook) -> None:
    """Delete a webhook with its log and what waits for it."""
    with transaction.atomic():
        # First its own row, as whoever posts to it does, or the two could wait for each other.
        Webhook.objects.select_for_update().filter(pk=webhook.pk).first()
        webhook.delete()


def make_due(webhook: Webhook) -> None:
    """Let all that waits for a webhook be posted at once, beside its schedule: it uses none up."""
    waiting = WebhookBatch.objects.filter(webhook=webhook, state=WebhookBatch.State.WAITING)
    waiting.update(due_at=timezone.now(), attempts=Greatest(F("attempts") - 1, 0))
    transaction.on_commit(outbox.ring)


def new_secret() -> str:
    """Return a secret as Standard Webhooks writes it; the key is what the Base64 stands for."""
    return "whsec_" + b64encode(os.urandom(SECRET_BYTES)).decode()


def secrets_of(webhook: Webhook, now: datetime) -> list[str]:
    """Return the secrets that sign at a moment, the newest first."""
    sealed = [webhook.encrypted_secret]
    if webhook.encrypted_previous_secret and (webhook.previous_secret_until or now) > now:
        sealed.append(webhook.encrypted_previous_secret)
    return [vault.decrypt(bytes(one)).decode() for one in sealed]


def check_url(url: str) -> None:
    """Refuse a URL that no customer's application can have. Raises UrlRefused.

    Where its name leads is looked at again before each post: DNS may change its mind.
    """
    if len(url) > MAX_URL:
        raise UrlRefused(f"A URL has at most {MAX_URL} characters")
    if not VISIBLE.fullmatch(url):
        raise UrlRefused("Write the URL in ASCII without spaces: others as %XX, the host as xn--")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlRefused("This is no URL that we can read") from None
    if "#" in url:
        raise UrlRefused("A URL to post to has no fragment (#)")
    _check_parts(parts)
    _check_port(port)
    _check_host(parts.hostname or "")


def _check_parts(parts: SplitResult) -> None:
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.LOOPBACK_WEBHOOKS):
        raise UrlRefused("The URL must begin with https://")
    if parts.netloc.count("@") > 1:
        raise UrlRefused("An @ in a user name or password is written %40")
    if parts.password == HIDDEN:
        raise UrlRefused(f"{HIDDEN} stands for a password that is not shown: write the password")


def _check_port(port: int | None) -> None:
    if port is not None and port not in WELL_KNOWN_PORTS and port < FIRST_FREE_PORT:
        raise UrlRefused(f"Nothing is posted to port {port}: use 443, 80, or 1024 and above")


def _check_host(host: str) -> None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        _check_name(host)
        return
    if not may_be_posted_to(address):
        raise UrlRefused(f"{host} is no address of the public Internet")


def may_be_posted_to(address: IPv4Address | IPv6Address) -> bool:
    """Say whether we connect to an address: public ones, and in development to this machine."""
    if settings.LOOPBACK_WEBHOOKS and address.is_loopback:
        return True
    return networks.is_public(address)


def _check_name(host: str) -> None:
    if settings.LOOPBACK_WEBHOOKS and host == "localhost":
        return
    if HEXADECIMAL.fullmatch(host) or f".{host}".endswith(".localhost"):
        raise UrlRefused(f"{host} is no host of the public Internet")
    try:
        normalise_domain(host)
    except AddressError:
        raise UrlRefused("The URL must name a host, such as hooks.example.com") from None


def shown(url: str) -> str:
    """Return a URL without its password."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{HIDDEN}@{host}"))
