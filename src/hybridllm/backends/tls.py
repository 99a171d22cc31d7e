"""TLS by hand: nothing of it comes from the environment.

Answers: whom does an encrypted connection trust?

`ssl.create_default_context` obeys `SSL_CERT_FILE`, `SSL_CERT_DIR` and
`SSLKEYLOGFILE`; whoever sets those can read everything. This context trusts the
named authorities, or the public ones of `certifi`, and writes no key log.
"""

from __future__ import annotations

import ssl
from functools import cache

import certifi


def no_tls() -> ssl.SSLContext:
    """Return a context that trusts nobody, for connections that are not encrypted."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return the context for a client.

    Args:
        ca_file: PEM file of the authorities to trust; `None` for the public ones.

    Raises:
        OSError: The file cannot be read or holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=ca_file or certifi.where())
    return context
