"""A site whose exchangers must show who they are: nothing goes there in clear, or to strangers."""

import ssl

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cloudmta.simulator import certificate
from messages import transfer
from messages.tests.scripted import CLOSE, RESET, Act, ScriptedServer
from messages.tests.sites_driver import CAROL, OK, desk, on_each_loop

OFFERS = "PIPELINING STARTTLS"


def contexts(path, *hosts: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the context of a server with some names, and that of a client who trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = certificate.self_signed(hosts, key).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    (path / "both.pem").write_bytes(private + pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path / "both.pem")
    return server, ssl.create_default_context(cadata=pem.decode())


@on_each_loop
async def test_who_shows_the_right_certificate_gets_the_mail(tmp_path, monkeypatch):
    server_side, ours = contexts(tmp_path, "mx1")
    monkeypatch.setattr(transfer, "verified", lambda: ours)
    server = ScriptedServer(offers=OFFERS, context=server_side)
    async with desk(server, require_tls=True) as alice:
        [job] = alice.submit(CAROL)
        await alice.all_ended()

    assert str(job.transaction.verdict) == OK
    assert job.contact.tls == "TLSv1.3" and job.contact.is_verified
    assert [name for name, _ in job.phases] == [
        "connect", "greeting", "EHLO", "STARTTLS", "TLS handshake", "EHLO",
        "MAIL", "RCPT", "DATA", "final dot",
    ]  # fmt: skip
    assert job.dialogue[0] == "S: 220 mx" and job.dialogue[-1] == "S: 250 Ok"


@pytest.mark.parametrize(
    ("names", "offers", "script", "why"),
    [
        (["mx2"], OFFERS, {}, "451 4.7.5 TLS handshake failed: "),
        (["mx1"], "PIPELINING", {}, "451 4.7.4 TLS is required, and the server does not offer it"),
        (["mx1"], OFFERS, {"STARTTLS": [Act("454 4.7.0 No")]}, "451 4.7.4 TLS is required, and r"),
        (["mx1"], OFFERS, {"STARTTLS": [CLOSE]}, "451 4.7.5 The connection was closed"),
        (["mx1"], OFFERS, {"TLS": [RESET]}, "451 4.7.5 TLS handshake failed: "),
    ],
)
@on_each_loop
async def test_nobody_else_gets_anything(tmp_path, monkeypatch, names, offers, script, why):
    server_side, ours = contexts(tmp_path, *names)
    monkeypatch.setattr(transfer, "verified", lambda: ours)
    server = ScriptedServer(lambda number: script, offers=offers, context=server_side)
    async with desk(server, require_tls=True) as alice:
        [job] = alice.submit(CAROL)
        await alice.all_ended()

    assert str(job.transaction.verdict).startswith(why)
    assert (job.contact.exchanger, job.contact.address) == ("mx1", "127.0.0.1")
    assert not any(command.startswith("MAIL") for seen in server.seen for command in seen.commands)


@on_each_loop
async def test_a_second_exchanger_that_can_show_it_gets_it(tmp_path, monkeypatch):
    server_side, ours = contexts(tmp_path, "mx2")
    monkeypatch.setattr(transfer, "verified", lambda: ours)
    first = ScriptedServer(offers=OFFERS)
    second = ScriptedServer(offers=OFFERS, context=server_side)
    async with desk(first, second, require_tls=True) as alice:
        assert await alice.sends(CAROL) == [OK]

    assert second.recipients == [CAROL] and not first.recipients
