"""docker-compose.yml, .env.example and the code agree on services, commands and settings."""

import re
import shutil
import subprocess
import sys

import pytest
import yaml
from django.core.management import get_commands

from cloudmta.celery import QUEUES
from cloudmta.supervisor import read_procfile
from cloudmta.testing import ROOT
from cloudmta.tests.composition import FILE, OURS, SERVICES, filled_in

# Read by the settings: text("NAME", …), flag("NAME", …) and so on.
READ = set(
    re.findall(
        r'\b(?:[a-z_]+)\(\s*"([A-Z][A-Z0-9_]+)"', (ROOT / "cloudmta/settings.py").read_text()
    )
)


# Compose's own program: a plug-in of Docker's, or Debian's package docker-compose.
COMPOSE = next(
    (
        words
        for words in (["docker", "compose"], ["docker-compose"])
        if shutil.which(words[0])
        and subprocess.run([*words, "version"], capture_output=True, check=False).returncode == 0
    ),
    [],
)
needs_compose = pytest.mark.skipif(
    not COMPOSE, reason="Compose is missing: apt-get install docker-compose"
)


def words(command: str) -> list[str]:
    return command.removeprefix("python manage.py ").split()


def test_each_process_of_the_procfile_but_the_simulator_is_a_service():
    processes = {service.name for service in read_procfile(ROOT / "Procfile")}

    assert processes - {"simulator"} == OURS.keys() - {"migrate"}


@pytest.mark.parametrize("name", sorted(OURS.keys() - {"web"}))
def test_each_service_runs_a_command_that_exists(name):
    command, *rest = words(OURS[name]["command"])

    assert command in get_commands()
    assert set(rest) <= {*QUEUES, "--noinput"}


@pytest.mark.parametrize("name", sorted(OURS.keys() - {"web", "migrate"}))
def test_each_service_is_asked_whether_it_lives_by_its_own_role(name):
    role = OURS[name]["healthcheck"]["test"][-1]

    assert role == OURS[name]["command"].removeprefix("python manage.py ")


def composed(directory, environment, *options):
    """Let Compose read the file in a directory of its own, beside a `.env`."""
    shutil.copy(FILE, directory)
    (directory / ".env").write_text("".join(f"{n}={v}\n" for n, v in environment.items()))
    return subprocess.run(
        [*COMPOSE, *options, "config"], cwd=directory, capture_output=True, text=True, check=False
    )


@needs_compose
def test_compose_finds_it_valid(tmp_path):
    done = composed(tmp_path, filled_in(), "--profile", "spam")

    assert (done.returncode, done.stderr) == (0, "")
    services = yaml.safe_load(done.stdout)["services"]
    assert services.keys() == SERVICES.keys()
    password = filled_in()["POSTGRES_PASSWORD"]
    assert services["web"]["environment"]["DATABASE_URL"].split("@")[0].endswith(f":{password}")
    assert services["beat"]["environment"]["SECRET_KEY"] == filled_in()["SECRET_KEY"]


@needs_compose
def test_compose_says_what_is_not_filled_in(tmp_path):
    done = composed(tmp_path, filled_in() | {"POSTGRES_PASSWORD": ""})

    assert done.returncode != 0
    assert "set it in .env" in done.stderr


@pytest.mark.skipif(
    not shutil.which("docker")
    or subprocess.run(["docker", "info"], capture_output=True, check=False).returncode != 0,
    reason="No Docker engine answers",
)
def test_the_image_builds_and_its_user_is_not_root():
    built = subprocess.run(
        ["docker", "build", "--quiet", str(ROOT)], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    who = ["docker", "run", "--rm", built.stdout.strip(), "id", "--user"]

    assert int(subprocess.run(who, capture_output=True, text=True, check=True).stdout) > 0


def test_what_must_be_set_is_in_the_example_and_empty():
    example = (ROOT / ".env.example").read_text()

    assert {"SECRET_KEY=", "MASTER_KEYS=", "POSTGRES_PASSWORD="} <= set(example.splitlines())


def test_every_setting_is_explained():
    explained = (ROOT / "docs/settings.md").read_text()

    unexplained = {name for name in READ if name not in explained}
    assert unexplained - {"SIMULATOR_SMTP_PORT", "SIMULATOR_HTTP_PORT"} == set()


# Of a checkout, and of tests; nobody needs them beside real mail.
DEVELOPMENT_ONLY = {
    "DEVELOPMENT", "EXCHANGER_PORT", "LOOPBACK_WEBHOOKS", "PRIVATE_EXCHANGERS",
    "SIMULATOR_DNS_PORT", "SIMULATOR_HTTP_PORT", "SIMULATOR_SMTP_PORT", "SUBMISSION_AUTH_IN_CLEAR",
    "WEB_PORT",
}  # fmt: skip


def test_the_example_has_every_setting_and_no_other():
    named = set(re.findall(r"^#?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.M))
    composed = {name for service in OURS.values() for name in service["environment"]}

    assert named - READ == {"POSTGRES_PASSWORD", "WEB_BIND", "WEB_WORKERS"}
    assert READ - named == composed | DEVELOPMENT_ONLY | {"STATIC_ROOT"}  # that of the image


def test_static_files_can_be_gathered_as_the_image_does(tmp_path):
    dockerfile = (ROOT / "Dockerfile").read_text()
    environment = dict(
        re.findall(r"\b([A-Z_]+)=(\S+)", dockerfile.partition("RUN DATABASE_URL")[2])
    )
    environment |= {"DATABASE_URL": "postgres://nowhere/none", "STATIC_ROOT": str(tmp_path / "s")}
    environment |= {"VAR_DIR": str(tmp_path), "PATH": ""}

    done = subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "s").glob("cloudmta.*.css.gz"))
