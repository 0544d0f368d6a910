"""Fixtures that tests of every room share."""

from collections.abc import Iterator

import pytest

from cloudmta.testing import House


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """The whole product, every process real. Tests share it, so each uses addresses of its own."""
    house = House(RETRY_AFTER="2,4,8")
    try:
        house.open()
        yield house
    finally:
        house.close()
