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


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name octets and long texts by their argument and a number.

    Processes that share tests out must agree on their names, and octets that each makes anew, such
    as an archive with the time in it, would differ.
    """
    is_long = isinstance(val, str) and len(val) > 100
    return argname if is_long or isinstance(val, bytes) else None
