import pytest

from domains.providers import provider_of


@pytest.mark.parametrize(
    ("server", "name"),
    [
        ("ada.ns.cloudflare.com", "Cloudflare"),
        ("ns-1536.awsdns-00.co.uk", "Amazon Route 53"),
        ("ns37.domaincontrol.com", "GoDaddy"),
        ("dns1.registrar-servers.com", "Namecheap"),
        ("ns1045.ui-dns.org", "IONOS"),
        ("hydrogen.ns.hetzner.com", "Hetzner"),
    ],
)
def test_a_provider_is_known_by_its_name_servers(server, name):
    assert provider_of(["ns.unknown.example", server]).name == name


@pytest.mark.parametrize("server", ["cloudflare.com", "xns.cloudflare.com.evil.example", ""])
def test_others_are_not(server):
    assert provider_of([server]) is None
