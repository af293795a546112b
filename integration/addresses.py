"""Which addresses we may call: the public internet over https, and what the deployer names. Checked when saved and dialled."""

from __future__ import annotations

import ipaddress
import re
import socket
from urllib.parse import urlsplit

from django.conf import settings

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_LOCAL_NAMES = re.compile(
    r"(^|\.)(localhost|local|internal|intranet|lan|home|corp|localdomain|arpa|onion|test|invalid)$"
)
_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
"""A name with at least two parts, the last one beginning with a letter: what no reader takes for an address."""
_REFUSED = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "168.63.129.16/32",
        "::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32",
        "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip
"""Beside what Python calls not global: shared and benchmarking networks, a cloud's wire server, and every form that carries
an IPv4 address inside an IPv6 one, because a gateway may unwrap it to a private one."""


class AddressError(ValueError):
    """We must not call this address; the message is one sentence for a person."""


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address in one form. Raises ValueError for one that cannot be read."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def allowed_origins() -> set[str]:
    """Return the origins that may be anywhere and without TLS: the deployer's list and, for a platform, the hub."""
    hub = () if settings.ROLE == "hub" else (settings.NEXARA_BASE_URL,)
    return {origin_of(url) for url in (*settings.OUTBOUND_ALLOWED_ORIGINS, *hub)}


def check_url(url: str) -> str:
    """Return an address that we may call, as given; raise AddressError for any other. Asks no name server.

    https only, a real name or a public address in its usual form, nobody's password in it. An origin that the deployer
    allows may be plain http and anywhere.
    """
    bad = AddressError("expected an address such as https://api.example.com")
    if not url.isascii() or not url.isprintable() or any(character in url for character in ' "<>\\^`{|}'):
        raise bad
    try:
        parts = urlsplit(url)
        origin = origin_of(url)
        sound = bool(parts.hostname) and parts.username is None and parts.password is None and not parts.fragment
    except ValueError:
        raise bad from None
    if not sound or parts.port == 0 or parts.netloc.endswith(":"):
        raise bad
    if parts.scheme in {"http", "https"} and origin in allowed_origins():
        return url
    if parts.scheme != "https":
        raise AddressError("expected https; http is only for origins in OUTBOUND_ALLOWED_ORIGINS")
    check_host(parts.hostname or "", is_literal_v6="[" in parts.netloc)
    return url


def check_base_url(url: str) -> str:
    """Return an address below which we may call, without a slash at its end; raise AddressError for any other."""
    if "?" in url:
        raise AddressError("expected an address such as https://api.example.com")
    return check_url(url).rstrip("/")


def check_host(host: str, *, is_literal_v6: bool = False) -> None:
    """Raise AddressError unless a host is a full public name, or a public address in its usual form."""
    if is_literal_v6:
        address = _parsed(host)
        if address is None or "%" in host or not is_public(address):
            raise AddressError("this address is not on the public internet; OUTBOUND_ALLOWED_ORIGINS can allow it")
        return
    name = host.lower().removesuffix(".")
    address = _parsed(name)
    if address is not None:
        if not is_public(address):
            raise AddressError("this address is not on the public internet; OUTBOUND_ALLOWED_ORIGINS can allow it")
    elif not _NAME.fullmatch(name) or _LOCAL_NAMES.search(name):
        raise AddressError("expected a full public host name")


def is_public(address: IpAddress) -> bool:
    """Tell whether an address is on the public internet, whatever it carries inside."""
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return False
    return not any(address in network for network in _REFUSED if network.version == address.version)


def resolve(host: str, port: int, *, scheme: str) -> list[str]:
    """Return the addresses to dial for a host, in the resolver's order; these very ones must be dialled.

    Raises AddressError where one of them is not public and the origin is not allowed, and OSError (``socket.gaierror``)
    where the name has none. One bad address refuses the name: a public one beside it is how rebinding begins.
    """
    shown = f"[{host}]" if ":" in host else host
    is_allowed = origin_of(f"{scheme}://{shown.lower()}:{port}") in allowed_origins()
    if not is_allowed:
        check_host(host, is_literal_v6=":" in host)
    found = socket.getaddrinfo(host, port, socket.AF_UNSPEC, socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not is_allowed:
        for text in addresses:
            address = _parsed(text)
            if address is None or "%" in text or not is_public(address):
                raise AddressError("the host's address is not on the public internet")
    return addresses


def _parsed(text: str) -> IpAddress | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
