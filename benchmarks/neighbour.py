"""Make an account beside the demo's in a product that runs, and print as JSON how to send as it.

A process of its own for the benchmark; its environment says where the product's database is.
"""

import json

import django

django.setup()

from accounts import authentication  # noqa: E402
from accounts.models import Account, Scope  # noqa: E402
from cloudmta import demo  # noqa: E402

DOMAIN = "neighbour.test"


def make() -> dict[str, str]:
    """Return the credential of a new account, and its domain, which is verified."""
    account = demo.without_limits(Account(name="Neighbour"))
    demo.ensure_domain(account, DOMAIN)
    credential, secret = authentication.create_credential(account, "Benchmark", scopes=[Scope.SEND])
    return {
        "smtp_username": credential.username,
        "smtp_password": secret,
        "sending_domain": DOMAIN,
    }


if __name__ == "__main__":
    print(json.dumps(make()))
