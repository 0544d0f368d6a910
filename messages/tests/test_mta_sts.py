"""What a domain says of TLS, read from its record and its file (RFC 8461 §3)."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.exchangers import Exchangers
from messages.mta_sts import LONGEST, Mode, Policy, PolicyError, parse, policy_id

GOOD = (
    "version: STSv1\r\nmode: enforce\r\n"
    "mx: mx1.example.net\r\nmx: *.example.org\r\nmax_age: 604800\r\n"
)
SITE = Exchangers((("mx1.example.net",), ("a.example.org", "other.example")))


class TestRecord:
    @pytest.mark.parametrize(
        ("texts", "found"),
        [
            (["v=STSv1; id=20261125T1;"], "20261125T1"),
            (["v=STSv1;id=1"], "1"),
            (["v=STSv1 ; ext=x; id = 7 ; more=y"], "7"),
            (["v=spf1 -all", "v=STSv1; id=2;"], "2"),
            ([], ""),
            (["v=STSv1; id=1;", "v=STSv1; id=2;"], ""),
            (["v=STSv2; id=1;"], ""),
            (["v=STSv1; id=;"], ""),
            (["v=STSv1; id=not-alphanumeric;"], ""),
            (["id=1; v=STSv1"], ""),
        ],
    )
    def test_it_announces_one_id_or_no_policy(self, texts, found):
        assert policy_id(texts) == found


class TestFile:
    @pytest.mark.parametrize("line_end", ["\r\n", "\n"])
    def test_it_names_mode_hosts_and_age(self, line_end):
        assert parse(GOOD.replace("\r\n", line_end)) == Policy(
            Mode.ENFORCE, ("mx1.example.net", "*.example.org"), 604800
        )

    def test_unknown_keys_are_skipped_and_the_first_of_two_counts(self):
        policy = parse("x: y\n" + GOOD + "mode: none\nmax_age: 1\n")

        assert (policy.mode, policy.max_age) == (Mode.ENFORCE, 604800)

    def test_nothing_is_believed_for_more_than_a_year(self):
        assert parse(GOOD.replace("604800", "9999999999")).max_age == LONGEST

    def test_no_policy_needs_no_hosts(self):
        assert parse("version: STSv1\nmode: none\nmax_age: 86400\n").patterns == ()

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("STSv1", "STSv2"), ("mode: enforce", ""), ("enforce", "strict"), ("604800", ""),
            ("604800", "-1"), ("604800", "٣"), ("mx1.example.net", "mx1 example"),
            ("mx1.example.net", "mx.*.example"), ("mx: mx1.example.net\r\nmx: *.example.org", ""),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_no_policy(self, old, new):
        with pytest.raises(PolicyError):
            parse(GOOD.replace(old, new))

    @given(st.text())
    def test_whatever_stands_there_is_a_policy_or_none(self, text):
        for candidate in (text, "version: STSv1\nmode: enforce\n" + text):
            with contextlib.suppress(PolicyError):
                parse(candidate)


class TestHosts:
    @pytest.mark.parametrize(
        ("host", "allowed"),
        [
            ("mx1.example.net", True),
            ("mx2.example.net", False),
            ("a.example.org", True),
            ("example.org", False),
            # * is exactly one label: this is how *.mx.microsoft misses tenant.h-v1.mx.microsoft.
            ("tenant.h-v1.example.org", False),
        ],
    )
    def test_a_star_is_exactly_one_label(self, host, allowed):
        assert parse(GOOD).allows(host) is allowed

    def test_enforced_it_leaves_those_that_match_and_asks_them_for_tls(self):
        assert parse(GOOD).applied_to(SITE) == Exchangers(
            (("mx1.example.net",), ("a.example.org",)), require_tls=True
        )

    @pytest.mark.parametrize("mode", ["testing", "none"])
    def test_else_it_leaves_all_as_they_are(self, mode):
        assert parse(GOOD.replace("enforce", mode)).applied_to(SITE) == SITE
