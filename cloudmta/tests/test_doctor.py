"""What `doctor` says of an installation, sick in one way after the other."""

import json
import signal
import urllib.request
from pathlib import Path

import pytest

from cloudmta.testing import House, eventually

pytestmark = pytest.mark.xdist_group("house")

# The databases of the tests live in memory, and not every process runs there.
ELSEWHERE = ("PostgreSQL", "Processes", "Clock")
FULL = Path("/proc")


def examine(house: House, **environment: str) -> dict[str, list[dict[str, str]]]:
    """Return the findings by subject."""
    findings: dict[str, list[dict[str, str]]] = {}
    for line in house.try_manage("doctor", "--json", **environment).stdout.splitlines():
        finding = json.loads(line)
        findings.setdefault(finding["subject"], []).append(finding)
    return findings


def said(findings: list[dict[str, str]]) -> str:
    return "\n".join(f"{one['level']} {one['text']} {one['advice']}" for one in findings)


def publish(house: House, name: str, type: str, *values: str) -> None:
    ask(house, "PUT", {"name": name, "type": type, "values": list(values)})


def withdraw(house: House, name: str, type: str) -> None:
    ask(house, "DELETE", {"name": name, "type": type})


def ask(house: House, method: str, record: dict[str, object]) -> None:
    url = f"http://127.0.0.1:{house.http_port}/records"
    data = json.dumps(record).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, method=method)):
        pass


def test_all_is_well_where_all_is_well(house):
    findings = examine(house)

    well = {name: one for name, one in findings.items() if name not in ELSEWHERE}
    assert {one["level"] for group in well.values() for one in group} == {"fine"}, findings
    assert f"Port {house.exchanger_port} out" in well


def test_it_exits_with_1_where_something_is_wrong_and_says_what_helps(house):
    done = house.try_manage("doctor")

    assert done.returncode == 1
    assert "fsync is off: mail that was answered with 250 is lost if power fails." in done.stdout
    assert "Set fsync = on in postgresql.conf, and reload it." in done.stdout


def test_commits_that_do_not_wait_are_found(house):
    house.sql("ALTER DATABASE cloudmta SET synchronous_commit = off")
    try:
        findings = examine(house)
    finally:
        house.sql("ALTER DATABASE cloudmta RESET synchronous_commit")

    assert "wrong synchronous_commit is off" in said(findings["PostgreSQL"])


def _missed(house: House) -> str:
    """What is said of processes, once both are missed: they count as there for some seconds."""
    found = said(examine(house)["Processes"])
    return found if "No worker webhooks" in found and "No beat" in found else ""


def test_a_process_that_does_not_run_is_missed(house):
    for name in ("webhooks", "beat"):
        house.kill(name, signal.SIGTERM)
    try:
        missed = eventually(lambda: _missed(house))
    finally:
        for name in ("webhooks", "beat"):
            house.start(name)

    assert "No worker webhooks runs Nobody works on this queue" in missed
    assert "No beat runs Retries and lost doorbells wait for it" in missed
    assert "worker standard" not in missed


def test_redis_that_is_gone_is_said_with_what_it_means(house):
    findings = examine(house, REDIS_URL="redis://127.0.0.1:1")

    assert "wrong It does not answer" in said(findings["Redis"])
    assert "Mail is taken meanwhile, and waits." in said(findings["Redis"])


def test_postgres_that_is_gone_ends_nothing_else(house, tmp_path):
    findings = examine(house, DATABASE_URL=f"postgres://postgres@/{tmp_path}/cloudmta")

    assert "wrong It does not answer" in said(findings["PostgreSQL"])
    assert findings["Redis"][0]["level"] == "fine"


def test_a_closed_port_25_is_found(house):
    findings = examine(house, EXCHANGER_PORT="1")

    assert "wrong mx1.sim.test cannot be reached" in said(findings["Port 1 out"])
    assert "Most providers block port 25" in said(findings["Port 1 out"])


def test_a_resolver_that_does_not_answer_is_found(house):
    findings = examine(house, DNS_RESOLVERS="127.0.0.1:1")

    assert "wrong The MX records of sim.test cannot be looked up" in said(findings["DNS"])


def test_a_pointer_that_leads_elsewhere_is_found(house):
    host = "doctor.cloudmta.test"
    publish(house, host, "A", "127.0.0.9")
    publish(house, host, "TXT", "v=spf1 ip4:192.0.2.1 -all")
    publish(house, "9.0.0.127.in-addr.arpa", "PTR", "pool-9.provider.example.")

    findings = examine(house, OPERATOR_HOST=host)

    pointer = said(findings["PTR of 9.0.0.127.in-addr.arpa"])
    assert f"wrong pool-9.provider.example instead of {host}" in pointer
    assert f"wrong nothing instead of 10 {host}" in said(findings[f"MX of {host}"])
    policy = said(findings[f"TXT of {host}"])
    assert "v=spf1 ip4:192.0.2.1 -all instead of v=spf1 ip4:127.0.0.9 -all" in policy


def test_mail_that_nobody_fetches_is_found(house):
    house.kill("digest")
    house.kill("standard")
    try:
        house.submit(house.message("doctor@sim.test", X_CloudMTA_Class="digest"))
        house.sql(
            "UPDATE mail_recipient SET due_at = now() - interval '2 hours'"
            " WHERE address = 'doctor@sim.test'"
        )
        findings = examine(house)
    finally:
        house.start("digest")
        house.start("standard")

    assert "wrong digest mail has been due for 120 minutes" in said(findings["Queues"])
    eventually(lambda: house.received("doctor@sim.test"))


def test_a_clock_that_differs_is_found(house):
    house.sql("CREATE SCHEMA elsewhere")
    house.sql(
        "CREATE FUNCTION elsewhere.clock_timestamp() RETURNS timestamptz LANGUAGE sql"
        " AS $$ SELECT pg_catalog.clock_timestamp() + interval '2 minutes' $$"
    )
    try:
        findings = examine(house, PGOPTIONS="-c search_path=elsewhere,public,pg_catalog")
    finally:
        house.sql("DROP SCHEMA elsewhere CASCADE")

    assert "wrong This machine and PostgreSQL's differ by 120 s" in said(findings["Clock"])
    assert "Run a time service" in said(findings["Clock"])


@pytest.mark.skipif(not FULL.exists(), reason="Only Linux has a file system without any room")
def test_a_full_disk_is_found_and_what_cannot_be_kept_there(house, tmp_path):
    secrets = {"SECRET_KEY": "s" * 50, "MASTER_KEYS": "m" * 50, "STATIC_ROOT": str(tmp_path)}

    findings = examine(house, VAR_DIR=str(FULL / "var"), **secrets)

    assert "wrong 0.0 GiB are free at /proc" in said(findings["Disk"])
    assert "PostgreSQL stops taking mail on a full disk" in said(findings["Disk"])
    assert "wrong That of the SMTP doors cannot be read" in said(findings["Certificate"])
    assert findings[f"Port {house.exchanger_port} out"][0]["level"] == "fine"


def test_the_operators_records_are_printed(house):
    done = house.try_manage("operator_dns")

    assert done.returncode == 0, done.stdout
    assert "mta.cloudmta.test  MX  10 mta.cloudmta.test" in done.stdout
    assert "1.0.0.127.in-addr.arpa  PTR  mta.cloudmta.test" in done.stdout


def test_it_says_where_own_mail_cannot_be_sent(house: House) -> None:
    assert "fine It is sent as CloudMTA" in said(examine(house)["Own mail"])

    findings = examine(house, MAIL_FROM="x@nowhere.example")["Own mail"]

    assert "wrong Nobody can confirm an address" in said(findings)
    assert "nowhere.example is not a verified domain" in said(findings)
