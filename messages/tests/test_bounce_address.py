import pytest
from hypothesis import given
from hypothesis import settings as rules
from hypothesis import strategies as st

from messages import bounce_address

IDS = st.integers(0, 2**63 - 1)
LETTERS = "0123456789abcdef"


class TestBounceAddress:
    def test_it_is_the_same_on_every_attempt(self):
        first = bounce_address.of(42, "mta.alices.example")

        assert first == bounce_address.of(42, "mta.alices.example")
        assert first.startswith("bounces+")
        assert first.endswith("@mta.alices.example")

    def test_it_is_another_one_for_each_recipient(self):
        written = {bounce_address.of(number, "mta.alices.example") for number in range(100)}

        assert len(written) == 100

    def test_it_survives_a_server_that_changes_its_case(self):
        address = bounce_address.of(42, "mta.alices.example")

        assert bounce_address.read(address.upper()) == 42
        assert bounce_address.read(address.title()) == 42

    def test_it_reads_what_an_earlier_secret_key_wrote(self, settings):
        settings.SECRET_KEY = "the key of yesterday"
        address = bounce_address.of(42, "mta.alices.example")
        settings.SECRET_KEY = "the key of today"
        settings.SECRET_KEY_FALLBACKS = ["an older one", "the key of yesterday"]

        assert bounce_address.read(address) == 42

    def test_it_forgets_a_secret_key_that_was_taken_out(self, settings):
        settings.SECRET_KEY = "the key of yesterday"
        address = bounce_address.of(42, "mta.alices.example")
        settings.SECRET_KEY = "the key of today"
        settings.SECRET_KEY_FALLBACKS = []

        assert bounce_address.read(address) is None

    @pytest.mark.parametrize(
        "forged",
        [
            "",
            "bounces@mta.alices.example",
            "bounces+@mta.alices.example",
            "bounces={token}@mta.alices.example",
            "bounces+{token}",
            "bounces+{token}@",
            "bounces+{token}@a@b",
            "bounces+{token}a@mta.alices.example",
            "bounces+{short}@mta.alices.example",
            " bounces+{token}@mta.alices.example",
            "bounces+{token}@mta.alices.example\n",
            "bounce\u017f+{token}@mta.alices.example",  # a letter that is S in upper case
        ],
    )
    def test_it_refuses_what_we_never_wrote(self, forged):
        token = bounce_address.of(42, "x.test")[8:48]

        assert bounce_address.read(f"bounces+{token}@x.test") == 42
        assert bounce_address.read(forged.format(token=token, short=token[:-1])) is None

    def test_it_refuses_a_token_with_any_other_letter(self):
        address = bounce_address.of(42, "mta.alices.example")
        for at in range(8, 48):
            other = LETTERS[(LETTERS.index(address[at]) + 1) % len(LETTERS)]
            assert bounce_address.read(address[:at] + other + address[at + 1 :]) is None


@rules(deadline=None)
@given(IDS)
def test_any_recipient_is_found_again(recipient_id):
    address = bounce_address.of(recipient_id, "mta.alices.example")

    assert bounce_address.read(address) == recipient_id
    assert len(address.partition("@")[0]) <= 64


@rules(deadline=None)
@given(
    st.one_of(st.text(), st.text(LETTERS, min_size=40, max_size=40).map("bounces+{}@a.b".format))
)
def test_nothing_else_is_anybody(address):
    assert bounce_address.read(address) is None
