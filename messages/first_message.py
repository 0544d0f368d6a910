"""The command that sends a first message, with the account's own values."""

from django.conf import settings
from django.http import HttpRequest

from accounts.models import Account
from domains.models import Domain


def command(request: HttpRequest, account: Account) -> str:
    """Return a command to paste; it asks for the secret of the credential."""
    credential = account.credentials.filter(revoked_at=None).order_by("id").first()
    domain = Domain.objects.filter(account=account, verified_at__isnull=False).first()
    host = "127.0.0.1" if settings.DEVELOPMENT else settings.OPERATOR_HOST
    lines = (
        f"swaks --server {host}:{settings.SUBMISSION_PORTS[0]} --tls",
        f"--auth-user {credential.username if credential else 'YOUR-CREDENTIAL'}",
        f"--from hello@{domain.name if domain else 'your-domain.example'}",
        # Where the simulator is the world, nobody else can be reached.
        f"--to {'delivered@sim.test' if settings.DEVELOPMENT else request.user}",
        '--header "Subject: Hello"',
        '--body "It works."',
    )
    return " \\\n  ".join(lines)
