"""A pytest plugin: the tests get a PostgreSQL and a Redis of their own, thrown away afterwards."""

import os
from collections.abc import Generator

import pytest

from cloudmta.embedded import ThrowAway

SERVICES = pytest.StashKey[ThrowAway]()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, None, None]:
    """Start both before pytest-django reads the settings; the workers of xdist inherit them."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        services = early_config.stash[SERVICES] = ThrowAway()
        services.export()
        os.environ["DEVELOPMENT"] = "true"
        os.environ["VAR_DIR"] = str(services.directory / "var")
    return (yield)


def pytest_unconfigure(config: pytest.Config) -> None:
    services = config.stash.get(SERVICES, None)
    if services is not None:
        services.stop()
