"""Read a recorded IP packet far enough to say where it wanted to go.

Answers: which protocol, which destination, which name was asked for?
Not here: recording (`namespace_child`).

Source: RFC 791, RFC 8200, RFC 1035 section 4.1.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6"}
_DNS_PORTS = frozenset({53, 853, 5353, 5355})


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet that was sent; `raw` starts at the IP header."""

    protocol: str
    destination: str
    port: int | None
    dns_name: str | None = None
    raw: bytes = field(default=b"", repr=False)

    @property
    def is_stray(self) -> bool:
        """True for anything not meant for loopback, and for every name look-up."""
        if self.port in _DNS_PORTS and self.protocol in {"udp", "tcp"}:
            return True
        try:
            address = ipaddress.ip_address(self.destination)
        except ValueError:
            return True
        mapped = getattr(address, "ipv4_mapped", None)
        return not (mapped or address).is_loopback


def parse_packet(raw: bytes) -> Packet:
    """Return what the packet says; one that cannot be read is reported as `unknown`."""
    version = raw[0] >> 4 if raw else 0
    if version == 4 and len(raw) >= 20:
        number, start, address = raw[9], (raw[0] & 15) * 4, raw[16:20]
    elif version == 6 and len(raw) >= 40:
        number, start, address = raw[6], 40, raw[24:40]
    else:
        return Packet("unknown", "unknown", None, raw=raw)
    protocol = _PROTOCOLS.get(number, str(number))
    port = int.from_bytes(raw[start + 2 : start + 4]) if protocol in {"tcp", "udp"} else None
    return Packet(
        protocol,
        str(ipaddress.ip_address(address)),
        port,
        dns_name=_dns_name(raw[start + 8 :]) if protocol == "udp" and port in _DNS_PORTS else None,
        raw=raw,
    )


def _dns_name(message: bytes) -> str | None:
    """Return the first name that a DNS message asks for."""
    labels: list[str] = []
    at = 12
    while at < len(message) and (length := message[at]):
        labels.append(message[at + 1 : at + 1 + length].decode("utf-8", "backslashreplace"))
        at += 1 + length
    return ".".join(labels) or None
