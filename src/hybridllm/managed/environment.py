"""The environment of a child process.

Answers: which variables does an engine get?
Not here: its key, which `managed.supervisor` adds where a server wants it so.

An engine needs paths, libraries and settings of its cards. It does not need the keys of clouds
and hubs that lie in the environment of whoever starts it, nor the way to a proxy.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL|_PAT$|PROXY|CONNECTION_STRING|_DSN$")


def child_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return what is inherited, without secrets and proxies, and what is added to it."""
    kept = {name: value for name, value in os.environ.items() if not _SECRET.search(name.upper())}
    # Nothing is fetched by an engine: whoever wants a model brings it beforehand.
    return kept | {"HF_HUB_OFFLINE": "1", "PYTHONUNBUFFERED": "1"} | dict(more)
