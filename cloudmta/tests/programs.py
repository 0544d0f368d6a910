"""Run programs of others, and skip where this machine has none."""

import shutil
import subprocess

import pytest


def program(*argv: str, stdin: bytes = b"", environment: dict[str, str] | None = None) -> str:
    """Run a program, which must succeed, and return what it printed."""
    if not shutil.which(argv[0]):
        pytest.skip(f"{argv[0]} is not installed")
    done = subprocess.run(
        argv, input=stdin, capture_output=True, check=False, timeout=60, env=environment
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout.decode()
