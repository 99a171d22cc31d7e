"""Which addresses a backend or a shared store may be at.

Answers: is this host one that its configuration declares, and which address do we dial?
Not here: dialling it (`backends.network`, `classify.postgres`, `classify.memory_redis`).

A name is resolved once, every address in the answer is judged, and the address
that was judged is the one that is dialled: a second DNS answer is never asked for.
One address outside the declared networks refuses the whole host, since an answer
that mixes inside and outside is either a mistake or an attack.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

from hybridllm.errors import AddressRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class DeclaredNetworks:
    """The networks in which a backend or a store may be.

    Attributes:
        backend: Name of it, for errors.
        networks: Allowed networks; `None` allows any address (a cloud backend).
        role: What it is, for errors.
    """

    backend: str
    networks: tuple[Network, ...] | None
    role: str = "backend"

    @classmethod
    def of(
        cls, backend: str, *, networks: Iterable[str], role: str = "backend"
    ) -> DeclaredNetworks:
        """Read networks such as `10.0.0.0/8`.

        Raises:
            ValueError: One of them is no network.
        """
        return cls(backend, tuple(ip_network(text) for text in networks), role)

    @property
    def is_private(self) -> bool:
        """Whether all are private networks, or single addresses that somebody meant."""
        return self.networks is not None and all(
            network.is_private or network.is_loopback or network.num_addresses == 1
            for network in self.networks
        )

    def judge(self, host: str, *, answers: Sequence[str]) -> str:
        """Return the address to dial.

        Raises:
            AddressRefusedError: There is no answer, or one outside the networks.
        """
        addresses = [_plain(answer) for answer in answers]
        if not addresses:
            raise AddressRefusedError(f"{self.role} {self.backend!r}: {host!r} has no address")
        for address in addresses:
            if not self._holds(address):
                raise AddressRefusedError(
                    f"{self.role} {self.backend!r}: {host!r} is at {address}, outside its declared "
                    f"networks {self._shown()}; nothing was sent"
                )
        return str(addresses[0])

    def _holds(self, address: Address) -> bool:
        return self.networks is None or any(address in network for network in self.networks)

    def _shown(self) -> str:
        return ", ".join(str(network) for network in self.networks or ())


def resolve(host: str, *, port: int) -> list[str]:
    """Return every address of a host, in the system's order.

    Raises:
        OSError: The name cannot be resolved.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _plain(text: str) -> Address:
    """Read an address; an IPv4 address in IPv6 clothes is judged as IPv4."""
    address = ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address
