"""Snippets do what they say: each is run as it stands, where its language is at hand."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cloudmta.testing import House, eventually
from cloudmta.tests.conftest import CLIENTS
from messages.connecting import snippets
from messages.connecting.access import Access

pytestmark = pytest.mark.xdist_group("house")

PHP = "/usr/share/php"
JARS = [f"/usr/share/java/jakarta-{name}.jar" for name in ("mail", "activation")]
AUTOLOAD = {
    "phpmailer": f"{PHP}/libphp-phpmailer/autoload.php",
    "symfony": f"{PHP}/Symfony/Component/Mailer/autoload.php",
}


class Paper:
    """A folder with the CA in it, and the snippets filled in with the values of the house."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self.folder = house, folder
        shutil.copy(house.demo["ca_file"], folder / snippets.CA_FILE)

    def text(self, slug: str) -> str:
        demo = self.house.demo
        access = Access(
            host="localhost", ports=[self.house.smtp_port], tls_ports=[self.house.smtps_port],
            api_url=demo["api_url"], account_id=demo["account_id"],
            username=demo["smtp_username"], secret=demo["smtp_password"],
            domain=demo["sending_domain"], recipient=self.to(slug), has_ca=True,
        )  # fmt: skip
        (found,) = (one for one in snippets.fill_in(access) if one.stack.slug == slug)
        return found.text

    def to(self, slug: str) -> str:
        return f"delivered+snippet-{slug}@sim.test"

    def write(self, slug: str, name: str, before: str = "", after: str = "") -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(before + self.text(slug) + after)
        return str(path)

    def run(self, *argv: str, stdin: bytes = b"", **environment: str) -> None:
        if not shutil.which(argv[0]):
            pytest.skip(f"{argv[0]} is not installed")
        done = subprocess.run(
            argv, cwd=self.folder, input=stdin, capture_output=True, check=False, timeout=300,
            env=os.environ | environment,
        )  # fmt: skip
        assert done.returncode == 0, (done.stdout + done.stderr).decode()

    def arrived(self, slug: str) -> str:
        (captured,) = eventually(lambda: self.house.received(self.to(slug)))
        return self.house.content(captured).decode()


@pytest.fixture
def paper(house: House, tmp_path: Path) -> Paper:
    house.open_web()
    return Paper(house, tmp_path)


def needs(*paths: str) -> None:
    if missing := [one for one in paths if not Path(one).exists()]:
        pytest.skip(f"{missing[0]} is not there")


def needs_gem(name: str) -> None:
    try:
        found = subprocess.run(
            ["ruby", "-e", f"require '{name}'"], capture_output=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("ruby is not installed")
    if found.returncode:
        pytest.skip(f"the gem {name} is not installed")


@pytest.mark.parametrize("slug", ["curl_smtp", "curl_rest", "swaks"])
def test_a_command_sends(paper, slug):
    if not shutil.which(slug.partition("_")[0]):
        pytest.skip(f"{slug} is not installed")
    paper.run("bash", "-e", paper.write(slug, "send.sh"))

    assert "It works." in paper.arrived(slug)


def test_python_sends(paper):
    paper.run("python3", paper.write("python", "send.py"))

    assert "It works." in paper.arrived("python")


def test_django_sends(paper, house):
    settings = paper.text("django")
    send = (
        f"exec({settings!r}, values := {{}})\n"
        "from django.conf import settings\n"
        "settings.configure(**{name: value for name, value in values.items() if name.isupper()})\n"
        "from django.core.mail import send_mail\n"
        f"send_mail('Hello', 'It works.', None, ['{paper.to('django')}'])\n"
    )
    (paper.folder / "send.py").write_text(send)

    paper.run(
        sys.executable, "send.py", SSL_CERT_FILE=snippets.CA_FILE,
        DJANGO_SETTINGS_MODULE="",
    )  # fmt: skip

    assert "It works." in paper.arrived("django")


@pytest.mark.parametrize("slug", ["nodemailer", "cloudmailin"])
def test_node_sends(paper, node_modules, slug):
    paper.run("node", paper.write(slug, "send.js"), NODE_PATH=str(node_modules))

    assert "It works." in paper.arrived(slug)


@pytest.mark.parametrize("slug", ["phpmailer", "symfony"])
def test_php_sends(paper, slug):
    needs(AUTOLOAD[slug])
    (paper.folder / "vendor").mkdir()
    (paper.folder / "vendor" / "autoload.php").write_text(f"<?php require '{AUTOLOAD[slug]}';")

    paper.run("php", paper.write(slug, "send.php"))

    assert "It works." in paper.arrived(slug)


def test_laravel_sends(paper):
    needs(f"{PHP}/Illuminate/Mail/autoload.php")
    paper.write("laravel", "env")

    # As php.ini would say it.
    trust = f"openssl.cafile={paper.folder / snippets.CA_FILE}"
    paper.run("php", "-d", trust, str(CLIENTS / "laravel.php"), "env", paper.to("laravel"))

    assert "It works." in paper.arrived("laravel")


def test_ruby_sends(paper):
    needs_gem("mail")
    paper.run("ruby", paper.write("ruby", "send.rb"))

    assert "It works." in paper.arrived("ruby")


def test_rails_sends(paper):
    needs_gem("action_mailer")
    paper.write("rails", "production.rb")
    paper.run(
        "ruby", str(CLIENTS / "rails.rb"), "production.rb", paper.to("rails"),
        SENDING_DOMAIN=paper.house.demo["sending_domain"],
    )  # fmt: skip

    assert "It works." in paper.arrived("rails")


def test_go_sends(paper):
    paper.write("go", "main.go")
    paper.run(
        "go", "run", "main.go", GOFLAGS="-mod=mod", GO111MODULE="off", GOCACHE=str(paper.folder)
    )

    assert "It works." in paper.arrived("go")


def test_java_sends(paper):
    needs(*JARS)
    paper.write("java", "Send.java")
    paper.run(
        "keytool", "-importcert", "-noprompt", "-alias", "cloudmta", "-file", snippets.CA_FILE,
        "-keystore", "cloudmta.p12", "-storepass", "changeit",
    )  # fmt: skip
    paper.run("java", "-cp", ":".join(JARS), "Send.java")

    assert "It works." in paper.arrived("java")


def test_msmtp_sends(paper):
    file = Path(paper.write("msmtp", "msmtprc"))
    file.chmod(0o600)  # or msmtp does not read it
    to = paper.to("msmtp")

    paper.run(
        "msmtp", "--file", str(file), to,
        stdin=f"From: hello@{paper.house.demo['sending_domain']}\nTo: {to}\n\nIt works.\n".encode(),
    )  # fmt: skip

    assert "It works." in paper.arrived("msmtp")


# What a Postfix that only sends on needs to run, outside of any chroot.
MASTER = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
postlog unix-dgram n - n - 1 postlogd
"""
# Of this machine: its own folders, and `localhost` out of /etc/hosts, for it is in no DNS.
MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = client.example
smtp_host_lookup = native
inet_protocols = ipv4
"""


@pytest.fixture
def postfix(paper):
    """A Postfix of its own, with the snippet as the end of its main.cf."""
    if not shutil.which("postfix") or os.geteuid():
        pytest.skip("Postfix is not installed, or we are not root")
    folder = paper.folder / "postfix"
    for name in ("queue", "data"):
        (folder / name).mkdir(parents=True)
    shutil.chown(folder / "data", "postfix")
    for above in (paper.folder, *paper.folder.parents[:3]):
        above.chmod(0o755)  # its own user looks in here
    shutil.copy(paper.folder / snippets.CA_FILE, folder)
    snippet = paper.text("postfix").replace("/etc/postfix/", f"{folder}/")
    (folder / "main.cf").write_text(MAIN.format(folder=folder) + snippet + "\n")
    (folder / "master.cf").write_text(MASTER)
    password = snippet.partition('echo "')[2].partition('"')[0]
    (folder / "sasl_password").write_text(f"{password}\n")
    paper.run("postmap", "-c", str(folder), f"hash:{folder}/sasl_password")
    paper.run("postfix", "-c", str(folder), "start")
    yield folder
    paper.run("postfix", "-c", str(folder), "stop")


def test_postfix_sends_on(paper, postfix):
    sender, to = f"hello@{paper.house.demo['sending_domain']}", paper.to("postfix")

    paper.run(
        "sendmail", "-C", str(postfix), "-f", sender, to,
        stdin=f"From: {sender}\nTo: {to}\nSubject: Hello\n\nIt works.\n".encode(),
    )  # fmt: skip

    assert "It works." in paper.arrived("postfix")
