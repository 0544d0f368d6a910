"""Run the simulator: the outside world on loopback, with the records of all domains in its DNS."""

import logging
import threading
from argparse import ArgumentParser
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import Error, close_old_connections, connections

from cloudmta.simulator import world
from cloudmta.simulator.world import Options, PortInUse, World
from cloudmta.simulator.zone import Zone
from cloudmta.startup import spare_the_collector
from domains import aliases, keys, rotation, signing
from domains.models import Domain
from domains.records import Record, expected_records

logger = logging.getLogger(__name__)

REFRESH_EVERY = 2.0  # seconds; a new domain is there before anybody has found the button

# The values under each name and type.
Published = dict[tuple[str, str], list[str]]


class Command(BaseCommand):
    """Listen until SIGTERM or SIGINT."""

    help = "Play the outside world on loopback: DNS, exchangers, a store of what they received."
    # What is wrong inside the house is no concern of the world outside.
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--counting", action="store_true", help="count the messages and keep none"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        stopped = threading.Event()
        try:
            spare_the_collector()
            world.run(
                options_of(counting=options["counting"]),
                lambda running: self.start_following(running, stopped),
            )
        except PortInUse as error:
            raise CommandError(str(error)) from error
        finally:
            stopped.set()

    def start_following(self, running: World, stopped: threading.Event) -> None:
        """Say where the world listens, and keep its DNS in step with the database."""
        self.stdout.write(
            f"The simulator listens on {running.host}: DNS {running.dns_port}, "
            f"SMTP {running.smtp_port}, HTTP {running.http_port}."
        )
        self.stdout.flush()  # whoever waits for this line reads it through a pipe
        # On a thread, as the event loop must not wait for PostgreSQL.
        thread = threading.Thread(target=follow_domains, args=(running.zone, stopped), daemon=True)
        thread.start()


def options_of(*, counting: bool) -> Options:
    """Return where and how the settings want the world to be."""
    return Options(
        dns_port=settings.SIMULATOR_DNS_PORT,
        smtp_port=settings.SIMULATOR_SMTP_PORT,
        http_port=settings.SIMULATOR_HTTP_PORT,
        bounces_port=settings.BOUNCES_PORT,
        keep_content=not counting,
    )


def follow_domains(zone: Zone, stopped: threading.Event) -> None:
    """Publish the records of all domains, again and again until it is over."""
    published = publish_changes(zone, {}, by_name_and_type(operator_records()))
    is_known = True  # whether the database could be asked the last time
    while True:
        try:
            close_old_connections()
            published = publish_changes(zone, published, by_name_and_type(published_records()))
            is_known = True
        except Error as error:
            if is_known:
                reason = " ".join(str(error).split())  # psycopg explains in several lines
                logger.warning("The records of the domains stay as they were: %s", reason)
            is_known = False
        if stopped.wait(REFRESH_EVERY):
            break
    connections.close_all()


def published_records() -> list[Record]:
    """Return the records that the operator and the owners of all domains have published."""
    records = [*operator_records(), *aliases.published()]
    for domain in Domain.objects.all():
        for key in rotation.live(domain):
            records += expected_records(
                domain_name=domain.name,
                mta_label=domain.mta_label,
                selector=key.selector,
                public_key=key.public_key,
                operator_host=settings.OPERATOR_HOST,
                algorithm=key.algorithm,
            )
    return records


def operator_records() -> list[Record]:
    """Return what the operator's host needs, so that each CNAME leads somewhere."""
    host, purpose = settings.OPERATOR_HOST, "Takes bounces, and sends"
    return [
        Record(host, "A", "127.0.0.1", purpose),
        Record(host, "MX", f"10 {host}.", purpose),
        Record(host, "TXT", "v=spf1 ip4:127.0.0.1 -all", purpose),
        Record("1.0.0.127.in-addr.arpa", "PTR", f"{host}.", "Says whose address it is"),
        *(
            Record(f"{one.selector}._domainkey.{one.domain}", "TXT", keys.record_of(one), purpose)
            for one in signing.operator_signers()
        ),
    ]


def by_name_and_type(records: Iterable[Record]) -> Published:
    """Gather the values that stand together in one answer, each once."""
    gathered: Published = {}
    for record in records:
        values = gathered.setdefault((record.name, record.type), [])
        if record.value not in values:
            values.append(record.value)
    return gathered


def publish_changes(zone: Zone, before: Published, now: Published) -> Published:
    """Bring a zone from one state to another; return the new one.

    What did not change is let alone: a test may have broken it on purpose, over HTTP.
    """
    for (name, type), values in now.items():
        if before.get((name, type)) == values:
            continue
        try:
            zone.publish(name, type, values)
        except ValueError as error:
            logger.warning("A record was not published: %s", error)
    for name, type in before.keys() - now.keys():
        zone.withdraw(name, type)
    return now
