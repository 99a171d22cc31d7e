"""Content has one exit, and settings have one entrance.

The HTTP libraries are guarded by the import contracts in `pyproject.toml`. This module guards
the network modules of the standard library, which import-linter cannot tell apart, and the
environment, which no import shows.
"""

import ast
from pathlib import Path

from tests.conventions.tree import SOURCE, imported_modules, relative, source_files, syntax

NETWORK_MODULES = {
    "ftplib",
    "http.client",
    "http.server",
    "imaplib",
    "multiprocessing.connection",
    "poplib",
    "smtplib",
    "socket",
    "socketserver",
    "ssl",
    "telnetlib",
    "urllib.request",
    "xmlrpc",
}
NETWORK_CALLS = frozenset(
    {"create_connection", "open_connection", "open_unix_connection", "start_server"}
)
ENVIRONMENT = frozenset({"environ", "environb", "getenv", "getenvb"})

# Top-level module -> why it may touch the network.
MAY_CONNECT = {
    "addresses": "it looks names up, so that their addresses can be judged",
    "backends": "the exit itself",
    "demo": "a loopback server stands in for the cloud",
    "managed": "it asks engines whether they are well and busy; no content",
}

# Top-level module -> why it may read the environment.
MAY_READ_ENVIRONMENT = {
    "config": "the one place that reads it",
    "demo": "it looks for a key when asked for the real cloud",
    "managed": "an engine inherits it, without its secrets",
}


def top_level(path: Path) -> str:
    """Return the module or package directly below `hybridllm` that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def network_uses(path: Path) -> list[int]:
    """Return the lines of a file that import or call what opens connections."""
    imports = [line for line, name in imported_modules(path) if name in NETWORK_MODULES]
    return imports + uses(path, NETWORK_CALLS)


def uses(path: Path, names: frozenset[str]) -> list[int]:
    """Return the lines of a file that mention one of these names in code."""
    return [
        node.lineno
        for node in ast.walk(syntax(path))
        if (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.Name) and node.id in names)
    ]


def test_only_declared_exits_open_connections():
    """Content leaves through the backends; no other module can open a socket unseen."""
    found = {
        relative(path): network_uses(path)
        for path in source_files()
        if top_level(path) not in MAY_CONNECT
    }

    assert {} == {name: lines for name, lines in found.items() if lines}


def test_the_environment_is_read_in_one_place():
    """A variable set by accident changes nothing that the configuration does not name."""
    found = {
        relative(path): uses(path, ENVIRONMENT)
        for path in source_files()
        if top_level(path) not in MAY_READ_ENVIRONMENT
    }

    assert {} == {name: lines for name, lines in found.items() if lines}


def test_a_hidden_exit_would_be_noticed(tmp_path):
    """An import inside a function counts, and harmless parts of the same package do not."""
    module = tmp_path / "hidden.py"
    module.write_text(
        "from urllib.parse import quote\n"
        "def send():\n"
        "    from urllib import request\n"
        "    asyncio.open_connection()\n"
        "    os.environ['A']\n",
        encoding="utf-8",
    )

    assert [3, 4] == network_uses(module)
    assert [5] == uses(module, ENVIRONMENT)
