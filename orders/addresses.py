"""Whose address a request comes from, as far as the proxies in front are believed."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from django.conf import settings


def parse(text: str) -> str | None:
    """Return an address in its usual form, an IPv4 one in IPv6 clothes as IPv4; None where it is none."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def place_of(address: str) -> str:
    """Return what counts as one sender: an address, of IPv6 its /64, which one sender owns; "" where it is none."""
    parsed = parse(address)
    if parsed is None or ":" not in parsed:
        return parsed or ""
    return str(ipaddress.ip_network((parsed, 64), strict=False))


class TrustedProxies:
    """The proxies whose ``X-Forwarded-For`` counts: ``TRUSTED_PROXIES`` as it is when this is made."""

    def __init__(self) -> None:
        self._networks = [ipaddress.ip_network(entry, strict=False) for entry in settings.TRUSTED_PROXIES]

    def has(self, address: str) -> bool:
        parsed = parse(address)
        return parsed is not None and any(ipaddress.ip_address(parsed) in network for network in self._networks)

    def sender(self, peer: str, forwarded_for: Iterable[str]) -> str:
        """Return the sender's address: the last forwarded one that is no trusted proxy, "" where it cannot be told.

        From a peer that is no trusted proxy nothing that is forwarded counts, so that nobody chooses an address.
        """
        address = peer
        if self.has(peer):
            for candidate in reversed(",".join(forwarded_for).split(",")):
                found = parse(candidate)
                if found is None:
                    break
                address = found
                if not self.has(found):
                    break
        return parse(address) or ""
