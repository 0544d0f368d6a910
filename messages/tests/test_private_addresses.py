"""Mail goes to the public only, whatever DNS says (SSRF)."""

import asyncio
import socket

import pytest

from messages import transfer
from messages.exchangers import is_allowed

# First and last of each range that no exchanger of the public can be in.
FORBIDDEN = """
    0.0.0.0 0.255.255.255 10.0.0.0 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.1
    127.255.255.255 169.254.0.0 169.254.169.254 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.9
    192.0.0.255 192.0.2.1 192.168.0.0 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.1
    203.0.113.255 224.0.0.1 233.252.0.1 239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 ::10.0.0.1 ::8.8.8.8 fc00:: fdff:ffff::1 fe80::1 febf::1 fec0::1 ff00::1 ff0e::1
    64:ff9b::10.0.0.1 64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1
    ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::ffff:224.0.0.1 ::ffff:100.64.0.1 ::ffff:0:8.8.8.8
    2002:a00:1::1 2002:7f00:1:: 2002:a9fe:a9fe:: 2002:e000:1::
    2001::1 2001:0:0a00:1:: 2001:10::1 2001:20::1 2001:db8::1 3fff::1 4000::1 5f00::1
"""
ALLOWED = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 128.0.0.1 172.15.0.1
    172.32.0.1 192.0.1.1 192.167.0.1 198.17.0.1 198.20.0.1 223.255.255.255
    2001:200::1 2001:4860:4860::8888 2606:4700::1 2a00::1 3ffe::1
    64:ff9b::8.8.8.8 ::ffff:8.8.8.8 2002:808:808::1
"""


class TestPermission:
    @pytest.mark.parametrize("address", FORBIDDEN.split())
    def test_no_mail_goes_inside(self, settings, address):
        settings.PRIVATE_EXCHANGERS = False
        assert not is_allowed(address)

        settings.PRIVATE_EXCHANGERS = True
        assert is_allowed(address)

    @pytest.mark.parametrize("address", ALLOWED.split())
    def test_mail_goes_to_the_public(self, settings, address):
        settings.PRIVATE_EXCHANGERS = False
        assert is_allowed(address)


class TestConnection:
    @pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
    def test_it_is_refused_at_the_last_moment_however_the_address_came(self, settings, address):
        settings.PRIVATE_EXCHANGERS = False

        async def scenario() -> None:
            with socket.create_server(("127.0.0.1", 0)) as server:
                settings.EXCHANGER_PORT = server.getsockname()[1]
                with pytest.raises(transfer.ConnectFailed) as failure:
                    await transfer.connect(None, "rebinding.example", address)
                server.setblocking(False)
                with pytest.raises(BlockingIOError):
                    server.accept()
            assert str(failure.value) == (
                "550 5.4.4 rebinding.example has only addresses that mail must not go to: "
                + address
            )

        asyncio.run(scenario())
