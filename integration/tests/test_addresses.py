from __future__ import annotations

import socket

import pytest

from integration import outbound
from integration.addresses import AddressError, check_base_url, check_url, is_public, resolve
from integration.models import ProviderCredential
from integration.outbound import SendError
from integration.tests.api import call
from providers.outbound import OutboundRequest

HOSTS = [
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.0.0.1.",
    "0", "0.0.0.0", "10.0.0.1", "10.1", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.1", "100.64.0.1",
    "169.254.169.254", "169.254.1.1", "2852039166", "0xa9fea9fe", "168.63.129.16", "192.0.0.192", "192.0.2.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:8.8.8.8]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b:1::1]", "[2002:7f00:1::]", "[2001::1]", "[2001:db8::1]",
    "[fe80::1]", "[fe80::1%25eth0]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]", "[100::1]",
    "localhost", "LOCALHOST", "localhost.", "a.localhost", "intranet", "db", "metadata.google.internal", "router.lan",
    "printer.local", "server.corp", "1.0.0.127.in-addr.arpa", "example", "1.2.3", "1.2.3.4.5", "0x7f.1", "host..com",
    "-a.example.com", "a_.1", "①②⑦.⓪.⓪.①", "127。0。0。1", "exa%6dple.com",
]  # fmt: skip
URLS = [
    "http://api.example.com", "ftp://api.example.com", "file:///etc/passwd", "gopher://api.example.com", "//api.example.com",
    "javascript:alert(1)", "https://", "https:///x", "https://user@api.example.com", "https://u:p@api.example.com",
    "https://api.example.com\\@127.0.0.1", "https://api.example.com#@127.0.0.1", "https://api.example.com:99999",
    "https://api.example.com:0", "https://api.example.com:", "https://api.example.com:abc", "https://api.exa mple.com",
    "https://api.example.com\r\nX: y", "https://api.example.com\t", "https://[::1", "https://[1.2.3.4]", "", "https://é.com",
    "https://[v1.fe80::a]/",
]  # fmt: skip


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_is_not_public_is_refused_when_saved_and_when_sent(host):
    for url in (f"https://{host}", f"https://{host}:8443/pos"):
        with pytest.raises(AddressError):
            check_base_url(url)
        with pytest.raises(SendError) as caught:
            outbound.send(OutboundRequest(method="GET", url=url))
        assert (caught.value.code, caught.value.is_passing) == ("address_refused", False)


@pytest.mark.parametrize("url", URLS)
def test_an_odd_address_is_refused_when_saved_and_when_sent(url):
    with pytest.raises(AddressError):
        check_base_url(url)
    with pytest.raises(SendError) as caught:
        outbound.send(OutboundRequest(method="GET", url=url))
    assert caught.value.code == "address_refused"


@pytest.mark.parametrize(
    "url",
    ["https://api.example.com", "https://api.example.com:8443/pos/v1", "https://8.8.8.8", "https://[2606:4700::1111]",
     "https://apigateway.careemdash.com", "https://xn--mgbh0fb.xn--kgbechtv.com"],
)  # fmt: skip
def test_a_public_address_is_taken(url):
    assert check_url(url) == url


def test_the_deployers_origins_may_be_anywhere(settings):
    settings.OUTBOUND_ALLOWED_ORIGINS = ["http://10.0.0.5:8080"]
    settings.NEXARA_BASE_URL = "http://localhost:3002"
    assert check_url("http://10.0.0.5:8080/x") == "http://10.0.0.5:8080/x"
    assert check_url("http://LOCALHOST:3002/api") == "http://LOCALHOST:3002/api"
    for near in ("http://10.0.0.5", "https://10.0.0.5:8080", "http://10.0.0.6:8080", "http://localhost:3003",
                 "http://10.0.0.5:8080@127.0.0.1"):  # fmt: skip
        with pytest.raises(AddressError):
            check_url(near)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fe80::1%eth0"]
)
def test_a_name_with_one_bad_address_is_not_dialled(monkeypatch, address):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443)) for ip in ("8.8.8.8", address)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    with pytest.raises(AddressError):
        resolve("rebind.example.com", 443, scheme="https")
    with pytest.raises(SendError) as caught:
        outbound.send(OutboundRequest(method="GET", url="https://rebind.example.com/"))
    assert caught.value.code == "address_refused"


def test_the_name_is_looked_up_once_and_that_address_dialled(monkeypatch):
    looked_up, dialled = [], []

    def look_up(host, *args, **kwargs):
        looked_up.append(host)
        # The second answer would be a private one: nobody asks for it.
        address = "93.184.216.34" if len(looked_up) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]

    def dial(address, *args, **kwargs):
        dialled.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(outbound, "create_connection", dial)
    with pytest.raises(SendError) as caught:
        outbound.send(OutboundRequest(method="GET", url="https://rebind.example.com/"))
    assert caught.value.code == "connect_failed"
    assert (looked_up, dialled) == (["rebind.example.com"], [("93.184.216.34", 443)])


def test_a_name_without_an_address_may_have_one_later(monkeypatch):
    def look_up(*args, **kwargs):
        raise socket.gaierror(-2, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(SendError) as caught:
        outbound.send(OutboundRequest(method="GET", url="https://gone.example.com/"))
    assert (caught.value.code, caught.value.is_passing) == ("dns_failed", True)


def test_public_is_what_no_network_of_its_own_holds():
    import ipaddress

    assert is_public(ipaddress.ip_address("8.8.8.8"))
    assert not is_public(ipaddress.ip_address("64:ff9b::808:808"))


def test_a_base_url_inside_the_network_is_not_stored(amman):
    status, answer = call(amman, "POST", "credentials/careem", {"baseUrl": "https://169.254.169.254/latest"})
    assert (status, answer["error"]) == (400, "invalid_request")
    assert list(answer["details"]) == ["baseUrl"]
    assert ProviderCredential.objects.get(company=amman.company, provider="careem").base_url == ""
