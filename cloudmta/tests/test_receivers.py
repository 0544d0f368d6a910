"""Other people's servers take our mail as it is: Postfix, Exim and OpenSMTPD, out of Debian.

Each runs in a root of its own in name spaces of its own (`receivers/`): nothing is installed here,
three of them would exclude each other. Packages are fetched once, to var/receivers.
"""

import fcntl
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cloudmta.embedded import die_with_parent
from cloudmta.simulator import certificate
from cloudmta.testing import ROOT, House, eventually
from cloudmta.tests.fates import settled
from cloudmta.tests.test_clients import is_signed
from cloudmta.tests.test_doctor import publish

pytestmark = pytest.mark.xdist_group("house")

SCRIPTS = Path(__file__).with_name("receivers")
PACKAGES = ROOT / "var" / "receivers"
ADDRESSES = {"postfix": "127.0.1.1", "exim4-daemon-light": "127.0.1.3", "opensmtpd": "127.0.1.5"}
OPENSMTPD_FAULT = "SSL routines::EVP lib"
UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--kill-child")
CONTENTS = [
    b"\r\n.\r\n..\r\n.a dot\r\ntrailing blanks  \t\r\n\r\n\r\n",
    b"\r\n",
    b"\r\nFrom here, and a line of 998:\r\n" + b"x" * 998 + b"\r\n",
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    + b"YQ==\r\n" * 20_000,
]


@dataclass(frozen=True)
class Receiver:
    """A server that takes mail for a domain with TLS and for one without."""

    domains: dict[str, str]  # by "tls" and "clear"
    mail: Path
    log: Path

    def taken(self, subject: str) -> list[bytes]:
        """Return the messages with a subject, from our signature on, as they came over the wire."""
        files = [one for one in self.mail.rglob("*") if one.is_file() and one.parent.name == "new"]
        contents = [file.read_bytes().replace(b"\n", b"\r\n") for file in files]
        ours = [one for one in contents if f"Subject: {subject}\r\n".encode() in one]
        return [one[one.index(b"DKIM-Signature:") :] for one in ours]


def unpacked(package: str) -> Path:
    """Return what a package and all that it needs unpack to; it is not installed."""
    directory = PACKAGES / package
    directory.mkdir(parents=True, exist_ok=True)
    # Several runs at once find what the first of them has made, and apt-get runs alone.
    with (PACKAGES / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _unpack(package, directory)


def _unpack(package: str, directory: Path) -> Path:
    tree = directory / "tree"
    if tree.exists():
        return tree
    archives, fresh = directory / "archives", directory / "fresh"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    fetch = ["apt-get", "-qq", "-y", "--no-install-recommends", "--download-only", "--reinstall"]
    fetch += ["-o", f"Dir::Cache::archives={archives}", "install", package]
    if subprocess.run(fetch, capture_output=True, check=False, timeout=300).returncode:
        pytest.skip(f"apt-get could not fetch {package}")
    for archive in archives.glob("*.deb"):
        subprocess.run(["dpkg", "-x", archive, fresh], check=True, timeout=60)
    for name in ("lib", "lib64", "bin", "sbin"):
        # Links to the same under /usr, which a directory would hide.
        if (fresh / name).is_dir():
            shutil.copytree(fresh / name, fresh / "usr" / name, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(fresh / name)
    fresh.rename(tree)
    return tree


def write_certificate(path: Path, host: str) -> None:
    key = rsa.generate_private_key(65537, 2048)  # OpenSMTPD 6.8 takes no other
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = certificate.self_signed([host], key).public_bytes(serialization.Encoding.PEM)
    path.write_bytes(private + public)


@pytest.fixture(scope="module", params=ADDRESSES)
def receiver(request, house: House, tmp_path_factory) -> Iterator[Receiver]:
    package = request.param
    for needed in ("apt-get", "dpkg", "unshare"):
        if not shutil.which(needed):
            pytest.skip(f"{needed} is not installed")
    if subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("This user may make no name spaces")
    directory = tmp_path_factory.mktemp(package)
    first = ADDRESSES[package]
    addresses = {"tls": first, "clear": f"{first[:-1]}{int(first[-1]) + 1}"}
    domains = {how: f"{how}.{package}.example" for how in addresses}
    for how, address in addresses.items():
        publish(house, domains[how], "MX", f"10 mx.{domains[how]}.")
        publish(house, f"mx.{domains[how]}", "A", address)
    (directory / "mail").mkdir()
    directory.chmod(0o755)
    write_certificate(directory / "certificate.pem", f"mx.{domains['tls']}")
    environment = os.environ | {
        "PORT": str(house.exchanger_port),
        "TLS": addresses["tls"], "CLEAR": addresses["clear"],
        "TLS_DOMAIN": domains["tls"], "CLEAR_DOMAIN": domains["clear"],
    }  # fmt: skip
    script = SCRIPTS / f"{package}.sh"
    argv = [*UNSHARE, "sh", SCRIPTS / "root.sh", unpacked(package), directory, script]
    log = directory / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            argv, env=environment, stdout=output, stderr=output, preexec_fn=die_with_parent
        )
    try:
        for address in addresses.values():
            eventually(partial(_listens, server, log, address, house.exchanger_port))
        yield Receiver(domains, directory / "mail", log)
    finally:
        server.kill()
        server.wait()


def _listens(server: "subprocess.Popen[bytes]", log: Path, address: str, port: int) -> bool:
    if server.poll() is not None:
        text = log.read_text(errors="replace")
        if "mount:" in text:
            pytest.skip(f"No root of its own can be made here: {text[-200:]}")
        raise AssertionError(text[-2000:])
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


@pytest.mark.parametrize("how", ["tls", "clear"])
def test_it_takes_our_mail_byte_for_byte_and_signed(house: House, receiver, how) -> None:
    domain, sender = receiver.domains[how], house.demo["sending_domain"].encode()
    sent = {}
    for number, content in enumerate(CONTENTS):
        subject = f"{how} {number}"
        header = (
            b"From: alice@%b\r\nSubject: %b\r\nDate: Mon, 23 Nov 2026 00:00:00 +0000\r\n"
            b"Message-ID: <%d.%b@%b>\r\n"
        )
        sent[subject] = (
            header % (sender, subject.encode(), number, domain.encode(), sender) + content
        )
    ids = [house.submit(content, f"carol@{domain}") for content in sent.values()]
    fates = [settled(house, message_id) for message_id in ids]

    assert fates == [{f"carol@{domain}": "delivered"}] * len(ids)
    # That of Debian 12 offers TLS and fails in each handshake (OpenSMTPD's issue 1171): the mail
    # comes in clear.
    works_with_tls = how == "tls" and OPENSMTPD_FAULT not in receiver.log.read_text()
    for message_id in ids:
        ((tls, phases),) = house.sql(
            "SELECT tls, phases FROM mail_attempt a JOIN mail_recipient r ON r.id = recipient_id"
            " WHERE r.message_id = %s",
            message_id,
        )
        assert bool(tls) == works_with_tls and "final dot " in phases
    for subject, content in sent.items():
        (arrived,) = eventually(partial(receiver.taken, subject))
        assert arrived.endswith(content)
        assert is_signed(house, arrived)
