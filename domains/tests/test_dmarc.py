from hypothesis import given
from hypothesis import strategies as st

from domains import dmarc

OWN = "v=DMARC1; p=quarantine; rua=mailto:a@alices.example; pct=50"


def merged(*found, signs_as_mta=False):
    return dmarc.merge(found, signs_as_mta=signs_as_mta)


def test_a_good_one_stays_to_the_letter():
    assert merged(OWN) == dmarc.Merged(OWN, ())


def test_of_several_the_strictest_policy_and_all_addresses_stay():
    one = merged(
        OWN, "v=DMARC1; p=none; sp=reject; rua=mailto:b@alices.example,mailto:a@alices.example"
    )

    assert one.value == (
        "v=DMARC1; p=quarantine; sp=reject; rua=mailto:a@alices.example,mailto:b@alices.example;"
        " pct=50"
    )
    assert len(one.changes) == 1


def test_one_without_a_policy_gets_none():
    assert merged("v=DMARC1; rua=mailto:a@b.example").value == (
        "v=DMARC1; p=none; rua=mailto:a@b.example"
    )


def test_a_key_below_the_domain_needs_relaxed_alignment():
    strict = "v=DMARC1; p=reject; adkim=s"

    assert merged(strict).changes == ()
    assert merged(strict, signs_as_mta=True).value == "v=DMARC1; p=reject; adkim=r"


@given(st.lists(st.text(max_size=80), min_size=1, max_size=4), st.booleans())
def test_whatever_was_found_what_is_advised_is_a_record(found, signs_as_mta):
    one = merged(*found, signs_as_mta=signs_as_mta)

    if one.changes:
        tags = dmarc.parse(one.value)
        assert one.value.startswith("v=DMARC1; p=")
        assert tags["p"].lower() in dmarc.STRICTEST
        assert merged(one.value, signs_as_mta=signs_as_mta).changes == ()
