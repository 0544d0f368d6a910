"""The way out and the way back: port 25, and the names by which receivers know us."""

import socket
from collections.abc import Iterator

from django.conf import settings

from cloudmta.doctor.finding import Finding, fine, warning, wrong
from domains import operator, resolver

# A domain whose servers answer everybody; only the greeting is read.
WORLD = "sim.test" if settings.PRIVATE_EXCHANGERS else "gmail.com"
# Seconds to connect and to be greeted.
PATIENCE = 8


def look_at_port_25() -> Iterator[Finding]:
    """Connect to a large receiver as a delivery would, and go away after its greeting."""
    port = settings.EXCHANGER_PORT
    answer = resolver.ask([(WORLD, "MX")])[WORLD, "MX"]
    if not answer.values:
        yield wrong(
            "DNS",
            f"The MX records of {WORLD} cannot be looked up",
            "Set DNS_RESOLVERS to a recursive resolver that answers this machine.",
        )
        return
    host = min(answer.values, key=_preference).partition(" ")[2]
    addresses = resolver.ask([(host, "A")])[host, "A"].values
    failures = [failure for address in addresses if (failure := _greeting_failure(address, port))]
    if addresses and len(failures) < len(addresses):
        yield fine(f"Port {port} out", f"{host} greets us")
        return
    yield wrong(
        f"Port {port} out",
        f"{host} cannot be reached: {failures[0] if failures else 'it has no address'}",
        "Most providers block port 25 until you ask: have it opened, or let mail leave from "
        "another machine.",
    )


def _preference(value: str) -> int:
    return int(value.partition(" ")[0])


def _greeting_failure(address: str, port: int) -> str:
    try:
        with socket.create_connection((address, port), timeout=PATIENCE) as connection:
            greeting = connection.recv(512).decode("ascii", "replace").strip()
            connection.sendall(b"QUIT\r\n")
    except OSError as error:
        return str(error)
    return "" if greeting.startswith("220") else f"it says {greeting!r}"


def look_at_operator_records() -> Iterator[Finding]:
    """Hold the operator's records against what DNS has."""
    for record in operator.check():
        subject = f"{record.type} of {record.name}"
        if record.is_right:
            yield fine(subject, ", ".join(record.found))
        elif record.is_right is None:
            yield warning(subject, "DNS did not answer in time", "Try again in a minute.")
        else:
            found = ", ".join(record.found) or "nothing"
            yield wrong(subject, f"{found} instead of {record.expected}", record.advice)
