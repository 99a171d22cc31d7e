"""Connection strings with a password, and the names of internal hosts.

Answers: which addresses in a text let someone in, or draw the inner network?
Not here: keys (`keys`), passwords in prose (`passwords`).

Sources: RFC 3986, 3.2.1 (user information); RFC 1918 (private addresses); RFC 5737
and RFC 2606 (addresses and names for documentation, which are no findings).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hybridllm.classify.detector import Match
from hybridllm.classify.detectors.keys import is_placeholder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hybridllm.classify.detectors.scanning import Scan

CUES = {
    "url": ("://",),
    "unc": ("\\\\*",),
    "internal_suffix": (
        ".local", ".internal", ".corp", ".lan", ".intra", ".intranet", ".localdomain", ".private",
        ".corp.*", ".internal.*", ".intra.*",
    ),
    "host_context": (
        "server", "host", "ssh", "db", "database", "vpn", "jump", "bastion", "gateway", "prod",
        "production", "staging", "http", "https", "proxy", "サーバ*", "ホスト", "社内", "接続",
        "本番", "踏み台", "データベース", "ファイルサーバ", "internal", "nas", "router", "firewall",
        "ip",
    ),
}  # fmt: skip

_SCHEME = "abcdefghijklmnopqrstuvwxyz0123456789+.-"
_USERINFO = re.compile(r"([^\s/:@\"'<>]{0,64}):([^\s/@\"'<>]{1,128})@([^\s/:@\"'<>?#]{1,253})")
_PLACEHOLDER = re.compile(
    r"^(?:\$|\{|<|%|\[|pass(?:word)?$|pwd$|secret$|your|xxx|\*{1,40}$)", re.IGNORECASE
)
_HOST_CHARS = "abcdefghijklmnopqrstuvwxyz0123456789.-_"
_HOST_TAIL = re.compile(r"[a-z0-9.-]{0,80}")
_UNC = re.compile(r"\\\\([A-Za-z0-9][A-Za-z0-9._-]{1,60})\\[\w$.-]{2,60}")
_GENERIC_HOSTS = (
    "cluster.local",
    "docker.internal",
    "google.internal",
    "example.local",
    "example.internal",
)
_MARKS_OF_A_FILE = (".py", ".js", ".ts", ".go", ".env", ".md", ".json", ".yaml", ".yml", ".toml")


def find(scan: Scan) -> Iterator[Match]:
    """Yield connection strings and internal hosts in a text."""
    for start, end in scan.hits.get("url", ()):
        if match := _connection(scan.text, start, end):
            yield match
    for start, end in scan.hits.get("internal_suffix", ()):
        if match := _internal_host(scan, start, end):
            yield match
    for start, _ in scan.hits.get("unc", ()):
        found = _UNC.match(scan.text, start)
        if found and (_is_name(found[1]) or _is_spoken_of(scan, start, found.end())):
            yield Match("credentials.internal_host", start, found.end(), 0.8)
    yield from _private_addresses(scan)


def _connection(text: str, start: int, end: int) -> Match | None:
    head = text[max(0, start - 24) : start].lower()
    scheme = head[len(head.rstrip(_SCHEME)) :]
    found = _USERINFO.match(text, end)
    if not scheme or not found:
        return None
    password, host = found[2], found[3]
    if _PLACEHOLDER.match(password) or (is_placeholder(password) and len(password) > 5):
        return None
    if password.lower() in {"password", "pass", "example"} and host.startswith(
        ("localhost", "127.")
    ):
        return None
    return Match("credentials.connection_string", start - len(scheme), found.end(), 0.95)


def _internal_host(scan: Scan, start: int, end: int) -> Match | None:
    lower = scan.lower
    head = lower[max(0, start - 80) : start]
    name = head[len(head.rstrip(_HOST_CHARS)) :].lstrip(".-")
    tail = _HOST_TAIL.match(lower, end)
    stop = tail.end() if tail else end
    full = (name + lower[start:stop]).rstrip(".-")
    first = start - len(name)
    if (
        len(name) < 2
        or name.startswith("www")
        or full.endswith((*_GENERIC_HOSTS, *_MARKS_OF_A_FILE))
    ):
        return None
    if lower[stop : stop + 1] in {"_", "(", "]", "`"} or lower[first - 1 : first] in {
        "[",
        "$",
        "`",
    }:
        return None  # a name in a program or a section of a file
    in_url = lower[max(0, first - 3) : first] == "://" or lower[first - 1 : first] == "@"
    if (
        lower[first - 1 : first] in {"/", "\\"}
        and not in_url
        and lower[first - 2 : first] != "\\\\"
    ):
        return None  # a path such as /usr.local
    if not (in_url or _is_name(name) or _is_spoken_of(scan, first, stop)):
        return None
    return Match("credentials.internal_host", first, first + len(full), 0.8)


def _is_name(host: str) -> bool:
    """Return whether a host's name has the form that administrators give: `db-01.prod`."""
    return any(char.isdigit() or char in ".-" for char in host)


def _is_spoken_of(scan: Scan, start: int, end: int) -> bool:
    return scan.near("host_context", start=start, end=end, before=24, after=16)


def _private_addresses(scan: Scan) -> Iterator[Match]:
    text, groups = scan.text, scan.groups
    for index in range(len(groups) - 3):
        quad = groups[index : index + 4]
        if text[quad[0][1]] != "." or quad[3][1] - quad[0][0] > 15 or quad[3][1] - quad[0][0] < 7:
            continue
        if any(text[quad[i][1] : quad[i + 1][0]] != "." for i in range(3)):
            continue
        start, end = quad[0][0], quad[3][1]
        first, second, third, fourth = (int(text[a:b]) for a, b in quad)
        private = (
            first == 10 or (first == 172 and 16 <= second <= 31) or (first, second) == (192, 168)
        )
        if not private or max(second, third, fourth) > 255 or text[end : end + 1] in {"/", "."}:
            continue
        if (third <= 1 and fourth <= 2) or fourth == 0:
            continue  # what every home router has
        if scan.near("host_context", start=start, end=end, before=30, after=16):
            yield Match("credentials.internal_host", start, end, 0.7)
