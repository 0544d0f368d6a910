import re
from base64 import b64decode

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from dkim.crypto import parse_public_key

from accounts import vault
from domains import keys
from domains.models import Algorithm


@pytest.fixture(autouse=True)
def master_keys(settings):
    settings.MASTER_KEYS = ["a master key of the tests"]
    keys.load_private_key.cache_clear()
    yield
    keys.load_private_key.cache_clear()


class TestGenerate:
    def test_it_makes_an_rsa_key_of_2048_bits(self):
        private_pem, _ = keys.generate()
        key = serialization.load_pem_private_key(private_pem, None)

        assert isinstance(key, rsa.RSAPrivateKey)
        assert key.key_size == 2048

    def test_it_gives_the_public_half_as_dkim_publishes_it(self):
        private_pem, p = keys.generate()
        key = serialization.load_pem_private_key(private_pem, None)
        published = parse_public_key(b64decode(p, validate=True))

        assert published["modulus"] == key.public_key().public_numbers().n
        assert published["publicExponent"] == 65537

    def test_no_two_are_alike(self):
        assert keys.generate()[1] != keys.generate()[1]


class TestSelector:
    def test_it_is_ten_hexadecimal_digits_and_cm(self):
        assert re.fullmatch(r"[0-9a-f]{10}cm", keys.new_selector())

    def test_no_two_are_alike(self):
        assert len({keys.new_selector() for _ in range(100)}) == 100


class TestLoadPrivateKey:
    def test_it_opens_what_the_vault_keeps(self):
        private_pem, public_key = keys.generate()
        key = keys.load_private_key(vault.encrypt(private_pem), public_key)

        assert key.private_numbers() == (
            serialization.load_pem_private_key(private_pem, None).private_numbers()
        )

    def test_it_parses_a_key_once(self):
        private_pem, public_key = keys.generate()
        encrypted = vault.encrypt(private_pem)

        first = keys.load_private_key(encrypted, public_key)
        assert keys.load_private_key(encrypted, public_key) is first

    def test_it_refuses_a_key_that_the_vault_cannot_open(self, settings):
        private_pem, public_key = keys.generate()
        encrypted = vault.encrypt(private_pem)
        settings.MASTER_KEYS = ["another"]

        with pytest.raises(vault.KeyUnreadable):
            keys.load_private_key(encrypted, public_key)

    @pytest.mark.parametrize("algorithm", Algorithm)
    def test_it_refuses_a_key_that_does_not_fit_what_was_published(self, algorithm):
        private_pem, _ = keys.generate(algorithm)

        with pytest.raises(keys.KeyUnfit):
            keys.load_private_key(vault.encrypt(private_pem), keys.generate(algorithm)[1])

    def test_it_refuses_a_key_of_another_kind(self):
        pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

        with pytest.raises(TypeError, match="must be an RSA or an Ed25519 key"):
            keys.load_private_key(vault.encrypt(pem), "")
