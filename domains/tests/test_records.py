import pytest
from dns.rdataclass import IN
from dns.rdatatype import TXT
from dns.rdtypes.ANY.TXT import TXT as TxtData

from domains import keys, records

P = keys.generate()[1]


def expected():
    return records.expected_records(
        "alices.example", "mta", "0e7c28e2e4cm", P, "feedback.operator.example"
    )


class TestExpectedRecords:
    def test_two_are_required_and_dmarc_is_recommended(self):
        assert [(record.name, record.type, record.required) for record in expected()] == [
            ("mta.alices.example", "CNAME", True),
            ("0e7c28e2e4cm._domainkey.alices.example", "TXT", True),
            ("_dmarc.alices.example", "TXT", False),
        ]

    def test_they_hold_host_key_and_policy(self):
        cname, key, dmarc = expected()

        assert cname.value == "feedback.operator.example"
        assert key.value == f"v=DKIM1; h=sha256; k=rsa; s=email; p={P}"
        assert dmarc.value == "v=DMARC1; p=none;"

    def test_each_says_what_it_is_for(self):
        assert len({record.purpose for record in expected()}) == 3


class TestTxtChunks:
    @pytest.mark.parametrize(
        ("length", "lengths"),
        [(0, [0]), (1, [1]), (255, [255]), (256, [255, 1]), (511, [255, 255, 1])],
    )
    def test_no_string_is_longer_than_255_octets(self, length, lengths):
        chunks = records.txt_chunks("x" * length)

        assert [len(chunk) for chunk in chunks] == lengths
        assert b"".join(chunks) == b"x" * length

    def test_it_counts_octets_rather_than_characters(self):
        assert [len(chunk) for chunk in records.txt_chunks("é" * 128)] == [255, 1]

    def test_a_key_fits_in_a_dns_packet(self):
        chunks = records.txt_chunks(keys.dkim_record(P))
        wire = TxtData(IN, TXT, chunks).to_digestable()

        assert len(wire) < 500
        assert b"".join(chunks).decode() == keys.dkim_record(P)
