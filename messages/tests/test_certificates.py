"""The certificate of our doors: made once, believed by clients, renewed in time."""

import os
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import threading
from datetime import timedelta

import pytest
from cryptography import x509
from django.core.exceptions import ImproperlyConfigured

from cloudmta.testing import ROOT
from messages import certificates


@pytest.fixture(autouse=True)
def directory(settings, tmp_path):
    settings.OPERATOR_HOST = "mta.example.com"
    settings.TLS_DIR = tmp_path / "tls"
    return settings.TLS_DIR


def handshake(server, client, hostname):
    """Let a client speak to a server, and return what each read."""
    ours, theirs = socket.socketpair()
    read = []

    def serve():
        with ours, server.wrap_socket(ours, server_side=True) as secured:
            read.append(secured.recv(5))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with theirs, client.wrap_socket(theirs, server_hostname=hostname) as secured:
            secured.sendall(b"hello")
            read.append(secured.version())
    finally:
        thread.join()
    return sorted(map(str, read))


def serial(path):
    return x509.load_pem_x509_certificate(path.read_bytes()).serial_number


class TestSelfIssued:
    @pytest.mark.parametrize("hostname", ["localhost", "127.0.0.1", "::1", "mta.example.com"])
    def test_a_client_that_knows_our_ca_believes_it(self, hostname):
        server = certificates.server_context()
        client = ssl.create_default_context(cafile=certificates.ca_file())
        client.verify_flags |= ssl.VERIFY_X509_STRICT

        assert handshake(server, client, hostname) == ["TLSv1.3", "b'hello'"]

    def test_no_older_tls_than_1_2(self):
        assert certificates.server_context().minimum_version is ssl.TLSVersion.TLSv1_2

    def test_it_is_made_once(self, directory):
        certificates.server_context()
        before = {path.name: path.read_bytes() for path in directory.iterdir()}

        certificates.server_context()

        assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
        assert sorted(before) == [".lock", "ca.key", "ca.pem", "server.key", "server.pem"]

    def test_processes_that_start_at_once_make_one(self, directory):
        program = (
            "import django; django.setup(); from messages import certificates;"
            "certificates.server_context(); print(certificates.ca_file().read_text())"
        )
        environment = os.environ | {
            "VAR_DIR": str(directory.parent), "DJANGO_SETTINGS_MODULE": "cloudmta.settings"
        }  # fmt: skip
        running = [
            subprocess.Popen(
                [sys.executable, "-c", program],
                cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
            )
            for _ in range(4)
        ]  # fmt: skip

        assert len({process.communicate()[0] for process in running}) == 1
        assert [process.returncode for process in running] == [0] * 4

    def test_keys_are_for_their_owner_alone(self, directory):
        certificates.server_context()

        for name in ("ca.key", "server.key"):
            assert stat.S_IMODE((directory / name).stat().st_mode) == 0o600

    def test_a_long_host_name_is_no_obstacle(self, settings):
        settings.OPERATOR_HOST = f"{'a' * 60}.{'b' * 60}.example.com"

        server = certificates.server_context()
        client = ssl.create_default_context(cafile=certificates.ca_file())

        assert handshake(server, client, settings.OPERATOR_HOST) == ["TLSv1.3", "b'hello'"]


class TestRenewal:
    """The CA stays, so that clients who trust it notice nothing."""

    def renewed(self, directory):
        """Start again, and say whether there is a new certificate. It must work in any case."""
        before, ca = serial(directory / "server.pem"), serial(directory / "ca.pem")
        server = certificates.server_context()
        client = ssl.create_default_context(cafile=certificates.ca_file())
        handshake(server, client, "localhost")
        assert serial(directory / "ca.pem") == ca
        return serial(directory / "server.pem") != before

    def test_before_it_runs_out(self, directory, monkeypatch):
        with monkeypatch.context() as earlier:
            earlier.setattr(certificates, "LIFETIME", timedelta(days=89))
            certificates.server_context()

        assert self.renewed(directory)
        assert not self.renewed(directory)

    def test_when_the_host_has_another_name(self, directory, settings):
        certificates.server_context()
        settings.OPERATOR_HOST = "other.example.com"

        assert self.renewed(directory)

    @pytest.mark.parametrize("damage", [b"", b"-----BEGIN CERTIFICATE-----\nMIIB\n", b"\xff"])
    @pytest.mark.parametrize("name", ["server.pem", "server.key"])
    def test_where_a_start_was_interrupted(self, directory, name, damage):
        certificates.server_context()
        kept = (directory / "server.pem").read_bytes()
        (directory / name).write_bytes(damage)
        certificates.server_context()

        assert (directory / "server.pem").read_bytes() != kept
        assert not self.renewed(directory)

    def test_where_key_and_certificate_do_not_belong_together(self, directory, tmp_path, settings):
        certificates.server_context()
        settings.TLS_DIR = tmp_path / "other"
        certificates.server_context()
        shutil.copy(tmp_path / "other" / "server.key", directory / "server.key")
        settings.TLS_DIR = directory

        assert self.renewed(directory)

    def test_where_the_ca_was_deleted(self, directory):
        certificates.server_context()
        for name in ("ca.pem", "ca.key"):
            (directory / name).unlink()

        server = certificates.server_context()
        client = ssl.create_default_context(cafile=certificates.ca_file())
        assert handshake(server, client, "localhost") == ["TLSv1.3", "b'hello'"]

    def test_a_directory_that_cannot_be_made_is_named(self, settings, tmp_path):
        (tmp_path / "file").touch()
        settings.TLS_DIR = tmp_path / "file" / "tls"

        with pytest.raises(ImproperlyConfigured, match=r"cannot be kept in .*/file/tls"):
            certificates.server_context()


class TestOperators:
    @pytest.fixture
    def files(self, settings, tmp_path):
        """A certificate of the operator's own."""
        chain, key = certificates.ensure_self_issued(tmp_path / "operator")
        settings.TLS_CERTIFICATE_FILE, settings.TLS_KEY_FILE = str(chain), str(key)
        return chain, key

    def test_it_is_used_as_it_is(self, files, directory, tmp_path):
        server = certificates.server_context()
        client = ssl.create_default_context(cafile=tmp_path / "operator" / "ca.pem")

        assert handshake(server, client, "mta.example.com") == ["TLSv1.3", "b'hello'"]
        assert not directory.exists()

    @pytest.mark.parametrize("content", [None, b"", b"no PEM", b"\xff\0"])
    @pytest.mark.parametrize("which", [0, 1])
    def test_a_file_that_cannot_be_used_is_named(self, files, which, content):
        if content is None:
            files[which].unlink()
        else:
            files[which].write_bytes(content)

        with pytest.raises(ImproperlyConfigured) as caught:
            certificates.server_context()

        assert str(caught.value).startswith(
            f"TLS_CERTIFICATE_FILE and TLS_KEY_FILE cannot be used ({files[0]}, {files[1]}): "
        )

    def test_a_key_that_wants_a_password_asks_nobody(self, files, tmp_path):
        encrypted = subprocess.run(
            ["openssl", "pkcs8", "-topk8", "-in", files[1], "-passout", "pass:secret"],
            capture_output=True, check=True,
        ).stdout  # fmt: skip
        files[1].write_bytes(encrypted)

        with pytest.raises(ImproperlyConfigured):
            certificates.server_context()

    @pytest.mark.parametrize("name", ["TLS_CERTIFICATE_FILE", "TLS_KEY_FILE"])
    def test_one_without_the_other_is_a_mistake(self, files, settings, name):
        setattr(settings, name, "")

        with pytest.raises(ImproperlyConfigured, match="must be set together"):
            certificates.server_context()
