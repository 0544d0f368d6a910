import pytest

from domains import checks, keys
from domains.needs import Needs
from domains.resolver import NO_ANSWER, NOTHING, Answer, State

P = keys.generate()[1]
HOST = "mta.operator.example"
KEY = keys.dkim_record(P)
MTA, DKIM, DMARC = "mta.alices.example", "abcm._domainkey.alices.example", "_dmarc.alices.example"
RIGHT = {(MTA, "CNAME"): [HOST], (DKIM, "TXT"): [KEY], (DMARC, "TXT"): ["v=DMARC1; p=none;"]}


def check(world, domain="alices.example"):
    """Check against a world of records; None: DNS does not answer."""

    def ask(questions):
        return {question: answer(world.get(question, [])) for question in questions}

    return checks.check(Needs(domain, "mta", "abcm", P, HOST), ask)


def answer(values):
    if values is None:
        return NO_ANSWER
    return Answer(State.FOUND, tuple(values)) if values else NOTHING


def without(*names):
    return {question: values for question, values in RIGHT.items() if question[0] not in names}


class TestReport:
    def test_everything_right_is_verified(self):
        report = check(RIGHT)

        assert report.is_verified
        assert [finding.state for finding in report.findings] == ["verified"] * 3

    def test_dmarc_is_not_required(self):
        report = check(without(DMARC))

        assert report.is_verified
        assert report.findings[2].state == "missing"

    @pytest.mark.parametrize("name", [MTA, DKIM])
    def test_the_others_are(self, name):
        assert not check(without(name)).is_verified

    def test_silence_is_not_a_no(self):
        report = check(RIGHT | {(MTA, "CNAME"): None, (DKIM, "TXT"): None, (DMARC, "TXT"): None})

        assert (report.return_path, report.spf, report.dkim) == (None, None, None)
        assert {finding.state for finding in report.findings} == {"unreachable"}
        assert not report.is_verified


class TestReturnPath:
    def of(self, **records):
        world = without(MTA) | {(MTA, type): values for type, values in records.items()}
        report = check(world)
        return report.return_path, report.spf, report.findings[0]

    def test_an_alias_to_somewhere_else_is_wrong(self):
        return_path, spf, finding = self.of(CNAME=["mta.other.example"])

        assert (return_path, spf, finding.state) == (False, False, "wrong")
        assert finding.found == ("mta.other.example",)
        assert HOST in finding.advice

    def test_a_target_with_the_zone_appended_is_known(self):
        finding = self.of(CNAME=[f"{HOST}.alices.example"])[2]

        assert "dot at its end" in finding.advice

    def test_mx_and_spf_of_its_own_do_as_well(self):
        return_path, spf, finding = self.of(
            MX=[f"10 {HOST}"], TXT=[f"v=spf1 include:{HOST} ~all", "something else"]
        )

        assert (return_path, spf, finding.state) == (True, True, "verified")

    def test_one_of_the_two_is_not_enough(self):
        return_path, spf, finding = self.of(MX=[f"10 {HOST}"])

        assert (return_path, spf, finding.state) == (True, False, "wrong")

    def test_bounces_must_not_go_elsewhere(self):
        return_path, _, finding = self.of(
            MX=[f"10 {HOST}", "5 mx.other.example"], TXT=[f"v=spf1 redirect={HOST}"]
        )

        assert (return_path, finding.state) == (False, "wrong")

    def test_two_spf_records_count_as_none(self):
        assert self.of(MX=[f"10 {HOST}"], TXT=[f"v=spf1 include:{HOST}", "v=spf1 -all"])[1] is False

    def test_a_proxied_name_is_known(self):
        finding = self.of(A=["192.0.2.1"])[2]

        assert finding.state == "wrong"
        assert finding.found == ("A 192.0.2.1",)
        assert "DNS only" in finding.advice

    def test_a_name_with_the_zone_twice_is_found(self):
        report = check(without(MTA) | {(f"{MTA}.alices.example", "CNAME"): [HOST]})

        assert report.findings[0].state == "missing"
        assert "enter mta as the name" in report.findings[0].advice

    def test_the_zone_of_a_sub_domain_is_that_of_its_owner(self):
        world = {("mta.shop.alices.co.uk.alices.co.uk", "CNAME"): [HOST]}
        report = check(world, "shop.alices.co.uk")

        assert "enter mta.shop as the name" in report.findings[0].advice


class TestKey:
    def test_under_the_mta_name_it_counts_and_we_remember_where(self):
        at_mta = "abcm._domainkey.mta.alices.example"
        report = check(without(DKIM) | {(at_mta, "TXT"): [KEY]})

        assert report.is_verified
        assert report.dkim_is_at_mta
        assert at_mta in report.findings[1].advice

    def test_another_key_is_shown(self):
        report = check(RIGHT | {(DKIM, "TXT"): ["v=DKIM1; p=AAAA"]})

        assert report.dkim is False
        assert report.findings[1].found == ("v=DKIM1; p=AAAA",)
        assert report.findings[1].state == "wrong"


class TestPolicy:
    def test_that_of_the_zone_covers_a_sub_domain(self):
        policy = ["v=DMARC1; p=reject"]
        report = check({("_dmarc.alices.example", "TXT"): policy}, "shop.alices.example")

        assert report.findings[2].state == "verified"

    def test_several_are_wrong(self):
        report = check(RIGHT | {(DMARC, "TXT"): ["v=DMARC1; p=none", "v=DMARC1; p=reject"]})

        assert report.findings[2].state == "wrong"
        assert report.is_verified


class TestZone:
    """Where a provider appends its zone depends on which one it serves."""

    def test_it_is_the_nearest_name_with_name_servers(self):
        world = {
            ("shop.alices.example", "NS"): ["ns1.provider.example"],
            ("alices.example", "NS"): ["ns.other.example"],
            ("mta.eu.shop.alices.example.shop.alices.example", "CNAME"): [HOST],
        }
        report = check(world, "eu.shop.alices.example")

        assert report.zone.name == "shop.alices.example"
        assert report.zone.servers == ("ns1.provider.example",)
        assert "enter mta.eu as the name" in report.findings[0].advice

    def test_where_none_was_seen_it_is_the_registered_name(self):
        report = check({}, "eu.shop.alices.co.uk")

        assert report.zone.name == ""
