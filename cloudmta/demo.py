"""A demo account that works at once: a user, a verified domain with its key, a credential."""

import json
import os
import secrets
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import authentication, plan, vault
from accounts.models import Account, Credential, Membership, Scope, User
from domains import keys
from domains.models import Domain, SigningKey
from messages import certificates

EMAIL = "demo@cloudmta.test"
DOMAIN = "demo.cloudmta.test"
# More than one machine can do: in a demo, nobody is to wait for a limit.
REQUESTS_PER_SECOND = 10_000
RECIPIENTS_PER_DAY = 1_000_000_000


def ensure_demo() -> dict[str, object]:
    """Make the demo account where it is missing, and return how to use it.

    Passwords and secrets are kept as hashes only; the file var/demo.json knows them in clear, and
    where it is lost they are made anew.
    """
    known = _read(demo_file())
    with transaction.atomic():
        account = _account()
        password = _password(account, str(known.get("login_password", "")))
        username, secret = _credential(account, known)
        ensure_domain(account, DOMAIN)
        _own_mail()
    facts = _facts(account, password, username, secret)
    _write(demo_file(), facts)
    return facts


def demo_file() -> Path:
    return settings.VAR_DIR / "demo.json"


def _read(path: Path) -> dict[str, object]:
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _account() -> Account:
    theirs = Membership.objects.filter(user__email=EMAIL).order_by("pk")
    owned = theirs.select_related("account").first()
    if owned and owned.account.stage:
        return owned.account  # whatever its limits are by now, somebody has set them
    return without_limits(owned.account if owned else Account(name="Demo"))


def without_limits(account: Account) -> Account:
    """Save an account that may send whatever a machine can."""
    account.requests_per_second = REQUESTS_PER_SECOND
    account.stage = plan.stage_for(RECIPIENTS_PER_DAY)
    account.ceiling = account.allowance = RECIPIENTS_PER_DAY
    account.save()
    return account


def _password(account: Account, known: str) -> str:
    user = User.objects.filter(email=EMAIL).first()
    if user is None:
        # Staff as well: in a demo, one person looks at everything.
        user = User.objects.create_superuser(EMAIL)
        Membership.objects.create(user=user, account=account, role=Membership.Role.OWNER)
    if known and user.check_password(known):
        return known
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save(update_fields=["password"])
    return password


def _credential(account: Account, known: dict[str, object]) -> tuple[str, str]:
    username, secret = str(known.get("smtp_username", "")), str(known.get("smtp_password", ""))
    credential = Credential.objects.filter(
        account=account, username=username, revoked_at=None
    ).first()
    if credential and authentication.is_secret_of(secret, credential.secret_hash):
        return username, secret
    credential, secret = authentication.create_credential(account, "Demo", scopes=list(Scope))
    return credential.username, secret


def _own_mail() -> None:
    """Make the account that mail of the product itself goes through."""
    name = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].partition("@")[2]
    if not Domain.objects.filter(name=name).exists():
        operator = without_limits(Account(name="Operator"))
        owner = User.objects.get(email=EMAIL)
        Membership.objects.create(user=owner, account=operator, role=Membership.Role.OWNER)
        ensure_domain(operator, name)


def ensure_domain(account: Account, name: str) -> None:
    """Make a verified domain with a signing key, where nobody has it."""
    # The simulator's DNS carries whatever records our domains need, so it is verified as it is.
    now = timezone.now()
    # The simulator, too, has only just been started.
    later = now + timedelta(minutes=1)
    domain, is_new = Domain.objects.get_or_create(
        name=name, defaults={"account": account, "verified_at": now, "next_check_at": later}
    )
    if is_new:
        private_key, public_key = keys.generate()
        SigningKey.objects.create(
            domain=domain,
            selector=keys.new_selector(),
            public_key=public_key,
            encrypted_private_key=vault.encrypt(private_key),
        )


def _facts(account: Account, password: str, username: str, secret: str) -> dict[str, object]:
    web = f"http://127.0.0.1:{settings.WEB_PORT}"
    return {
        "dashboard_url": f"{web}/",
        "login_email": EMAIL,
        "login_password": password,
        "api_url": f"{web}/api/v0.1",
        "docs_url": f"{web}/api/docs",
        "account_id": account.public_id,
        "smtp_host": "127.0.0.1",
        "smtp_port": settings.SUBMISSION_PORTS[0],
        "smtps_port": settings.SUBMISSION_TLS_PORTS[0],
        "smtp_username": username,
        "smtp_password": secret,
        "ca_file": str(certificates.ca_file()),
        "sending_domain": DOMAIN,
        "simulator_domain": "sim.test",
        "simulator_url": f"http://127.0.0.1:{settings.SIMULATOR_HTTP_PORT}",
        "dns_host": "127.0.0.1",
        "dns_port": settings.SIMULATOR_DNS_PORT,
    }


def _write(path: Path, facts: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(facts, file, indent=2)
        file.write("\n")
    draft.replace(path)
