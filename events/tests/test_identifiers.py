"""Ids in the order of time."""

import itertools
from datetime import UTC, datetime, timedelta

from events.identifiers import first_id_at, new_id


def test_they_are_different_and_look_like_version_4():
    ids = [new_id() for _ in range(10_000)]

    assert len(set(ids)) == len(ids)
    assert {(one.version, one.variant) for one in ids} == {(4, "specified in RFC 4122")}


def test_one_after_the_other_they_are_in_order_within_a_millisecond():
    ids = [new_id() for _ in range(10_000)]

    # The clock of the system may stand still for less than a microsecond.
    in_order = sum(one <= following for one, following in itertools.pairwise(ids))
    assert in_order > 9_900


def test_a_moment_stands_before_all_that_is_made_then():
    before = datetime.now(UTC) - timedelta(milliseconds=1)

    one = new_id()

    assert first_id_at(before) < one < first_id_at(datetime.now(UTC) + timedelta(milliseconds=2))
