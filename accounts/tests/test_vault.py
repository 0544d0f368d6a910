from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import settings as rules
from hypothesis import strategies as st

from accounts import vault


@pytest.fixture(autouse=True)
def master_keys(settings):
    settings.MASTER_KEYS = ["the key of today"]


class TestVault:
    @pytest.mark.parametrize("plain", [b"", b"secret", bytes(range(256)) * 20])
    def test_it_gives_back_what_it_took(self, plain):
        assert vault.decrypt(vault.encrypt(plain)) == plain

    def test_it_never_shows_the_same_secret_twice_in_the_same_way(self):
        first, second = vault.encrypt(b"secret"), vault.encrypt(b"secret")

        assert first != second
        assert b"secret" not in first

    def test_the_first_key_encrypts(self, settings):
        settings.MASTER_KEYS = ["the key of tomorrow", "the key of today"]
        token = vault.encrypt(b"secret")
        settings.MASTER_KEYS = ["the key of tomorrow"]

        assert vault.decrypt(token) == b"secret"

    def test_every_key_decrypts(self, settings):
        token = vault.encrypt(b"secret")
        settings.MASTER_KEYS = ["the key of tomorrow", "the key of today"]

        assert vault.decrypt(token) == b"secret"

    def test_it_says_when_no_key_fits(self, settings):
        token = vault.encrypt(b"secret")
        settings.MASTER_KEYS = ["the key of tomorrow"]

        with pytest.raises(vault.KeyUnreadable, match="No key in MASTER_KEYS opens this secret"):
            vault.decrypt(token)

    def test_a_master_key_is_not_used_as_it_stands(self, settings):
        written = Fernet.generate_key()
        settings.MASTER_KEYS = [written.decode()]

        assert vault.stretch(written.decode()) != written
        with pytest.raises(vault.KeyUnreadable):
            vault.decrypt(Fernet(written).encrypt(b"secret"))

    @pytest.mark.parametrize("at", [0, 8, 30, -1])
    def test_a_changed_octet_is_noticed(self, at):
        octets = bytearray(urlsafe_b64decode(vault.encrypt(b"secret")))
        octets[at] ^= 1

        with pytest.raises(vault.KeyUnreadable):
            vault.decrypt(urlsafe_b64encode(octets))


@rules(deadline=None)
@given(st.binary())
def test_no_other_octets_open(token):
    with pytest.raises(vault.KeyUnreadable):
        vault.decrypt(token)
