import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains import dkim_record, keys

P = keys.generate()[1]
EXPECTED = keys.dkim_record(P)


def problem(*found):
    return dkim_record.problem(found, P, EXPECTED)


class TestWhatVerifies:
    @pytest.mark.parametrize(
        "text",
        [
            EXPECTED,
            f"v=DKIM1;k=rsa;p={P}",
            f"k=rsa; p={P}; v=DKIM1;",
            f"p={P}",
            f"v=DKIM1; h=sha1:sha256; s=email:*; t=s; n=anything; p={P}",
            f"v=DKIM1; p={P[:200]} {P[200:]}",
        ],
    )
    def test_the_same_key_however_it_is_written(self, text):
        assert problem(text) == ""


class TestWhatDoesNot:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (f'"{EXPECTED}"', "quotation marks"),
            (EXPECTED.replace(";", "\\;"), "backslashes"),
            (EXPECTED[:255], "first 255 of"),
            ("v=DKIM1; p=", "revoked"),
            (EXPECTED.replace(P, keys.generate()[1]), "another key"),
            (f"v=DKIM1; h=sha1; p={P}", "another key"),
            (f"v=DKIM1; k=ed25519; p={P}", "another key"),
            (f"v=DKIM2; p={P}", "another key"),
            (f"v=DKIM1; s=tlsrpt; p={P}", "another key"),
            (f"p={P}; p={P}", "no DKIM key"),
            ("v=spf1 -all", "no DKIM key"),
            ("", "no DKIM key"),
        ],
    )
    def test_it_says_how_the_record_came_about(self, text, said):
        assert said in problem(text)

    def test_two_records_are_too_many_even_with_the_right_one(self):
        assert "remove all but" in problem(EXPECTED, "v=DKIM1; p=AAAA")

    def test_pieces_in_records_of_their_own_are_known(self):
        assert "put them into one record" in problem(EXPECTED[:255], EXPECTED[255:])

    def test_two_strange_records_are_to_be_removed(self):
        assert "enter the one shown" in problem("a", "b ~")


class TestAnyText:
    @given(st.lists(st.text(alphabet=string.printable + "é\u2028", max_size=60), max_size=3))
    def test_no_text_is_taken_for_our_key(self, found):
        assert problem(*found)
