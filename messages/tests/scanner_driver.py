"""The real rspamd and the real spamd, without any network, each with one rule of ours."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cloudmta.testing import answers, eventually

# None of our own rules knows this word; both scanners give it 20 points.
MAGIC = "magic-spam-word"
START_SECONDS = 60


@contextmanager
def real_rspamd(directory: Path, port: int) -> Iterator[None]:
    """Run rspamd on a port."""
    config = directory / "rspamd.conf"
    config.write_text(
        f"""
        options {{
          pidfile = "{directory}/pid"; tempdir = "{directory}"; filters = "regexp";
          dns {{ nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; }}
          control_socket = "{directory}/control.sock mode=0600";
          hs_cache_dir = "{directory}";
        }}
        logging {{ type = "console"; level = "warning"; }}
        actions {{ reject = 15; add_header = 6; greylist = 4; }}
        regexp {{ "MAGIC" {{ re = "/{MAGIC}/{{mime}}"; score = 20; }} }}
        worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
        """
    )
    with _running(directory, port, "rspamd", "-f", "--insecure", "-c", str(config)):
        yield


@contextmanager
def real_spamd(directory: Path, port: int) -> Iterator[None]:
    """Run spamd on a port, with the rules that its package brings."""
    directory.chmod(0o755)
    home = directory / "home"
    home.mkdir()
    home.chmod(0o777)
    # It scans as somebody without rights, and does not want to be told so by anyone but root.
    user = ["--username", "nobody"] if os.getuid() == 0 else []
    rules = [f"body MAGIC /{MAGIC}/", "score MAGIC 20", "use_bayes 0"]
    with _running(
        directory, port, "spamd", "--local", "--nouser-config", *user, "--helper-home-dir",
        str(home), "--min-children", "1", "--max-children", "2", "--listen", f"127.0.0.1:{port}",
        "--syslog", "stderr", *(word for rule in rules for word in ("--cf", rule)),
    ):  # fmt: skip
        yield


@contextmanager
def _running(directory: Path, port: int, program: str, *arguments: str) -> Iterator[None]:
    path = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin")
    if not path:
        pytest.skip(f"{program} is not installed")
    log = directory / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([path, *arguments], stdout=output, stderr=output)
        try:
            eventually(lambda: process.poll() is not None or answers(port), START_SECONDS)
            assert process.poll() is None, log.read_text()[-500:]
            yield
        finally:
            process.terminate()
            process.wait(START_SECONDS)
