"""docker-compose.yml and .env.example as tests read them, with what `.env` must bring filled in."""

import re
from typing import Any

import yaml

from cloudmta.testing import ROOT

FILE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
OURS = {name: one for name, one in SERVICES.items() if one.get("image") == "cloudmta"}
# What an operator fills in.
SECRETS = {
    "SECRET_KEY": "s3cret-of-a-test-" * 4,
    "MASTER_KEYS": "m4ster-of-a-test-" * 3,
    "POSTGRES_PASSWORD": "p0stgres",
}


def filled_in() -> dict[str, str]:
    """Return what `.env` holds once its first part is filled in, and nothing else."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    named = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))
    return named | SECRETS


def interpolated(text: str, environment: dict[str, str]) -> str:
    """Fill in `${NAME:-default}` and `${NAME:?error}` as Compose does."""

    def value(match: re.Match[str]) -> str:
        name, sign, rest = match.groups()
        if sign == ":?":
            return environment[name]
        return environment.get(name, rest)

    return re.sub(r"\$\{(\w+)(:[-?])([^}]*)\}", value, text)
