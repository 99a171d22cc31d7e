"""Every snippet of the documentation does what the page says."""

from __future__ import annotations

import io
import re
import shlex
import tomllib
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from hybridllm.cli import main
from tests.docs.pages import ROOT, Snippet, pages, snippets
from tests.support.server import RecordingServer

PAGES = pages()


def by_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.fixture
def workplace(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cloud: RecordingServer,
    on_premises: RecordingServer,
) -> Path:
    """A folder with the README's configuration, pointed at loopback servers."""
    (readme,) = [item for item in snippets(ROOT / "README.md") if item.language == "toml"]
    text = readme.text.replace("http://127.0.0.1:8000/v1", on_premises.base_url)
    text = text.replace('api_key_env = "OPENAI_API_KEY"', f'base_url = "{cloud.base_url}"')
    (tmp_path / "hybridllm.toml").write_text(text, encoding="utf-8")
    (tmp_path / "departments").mkdir()
    for name in ("general", "legal"):
        file = tmp_path / "departments" / f"{name}.toml"
        file.write_text("version = 1\n", encoding="utf-8")
    config = tmp_path / "hybridllm.toml"
    config.write_text(
        config.read_text(encoding="utf-8") + '\n[organisation]\ndefault_department = "general"\n',
        encoding="utf-8",
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_python_snippets_run(page: Path, workplace: Path):
    """What a page shows in Python runs as it stands, top to bottom."""
    namespace: dict[str, object] = {"__name__": "__main__"}

    with redirect_stdout(io.StringIO()):
        for snippet in snippets(page):
            if snippet.language == "python" and snippet.is_run:
                code = compile(
                    "\n" * snippet.line + snippet.text, snippet.page, "exec", dont_inherit=True
                )
                exec(code, namespace)

    client = namespace.get("client")
    if client is not None:
        client.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_toml_snippets_are_toml(page: Path):
    """What a page shows of a configuration file can be read."""
    for snippet in snippets(page):
        if snippet.language == "toml":
            assert tomllib.loads(snippet.text)


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_command_snippets_run(page: Path, workplace: Path):
    """The commands that a page shows exist and end well."""
    for snippet in snippets(page):
        if snippet.language in {"sh", "console"} and snippet.is_run:
            for line in commands(snippet):
                assert_runs(line, snippet)


@pytest.mark.parametrize("page", PAGES, ids=by_name)
def test_links_lead_somewhere(page: Path):
    """A link to another page of the repository finds it."""
    text = page.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    local = [target for target in targets if "://" not in target]

    assert [] == [target for target in local if not (page.parent / target).exists()]


def commands(snippet: Snippet) -> list[str]:
    """Return the lines of a snippet that call hybridllm."""
    lines = [line.removeprefix("$ ").strip() for line in snippet.text.splitlines()]
    return [line for line in lines if line.startswith("hybridllm ")]


def assert_runs(line: str, snippet: Snippet) -> None:
    output = io.StringIO()
    words = shlex.split(line, comments=True)[1:]
    with redirect_stdout(output), redirect_stderr(output):
        try:
            code = main(words)
        except SystemExit as stop:
            code = stop.code

    assert code in {0, None}, f"{snippet.page}:{snippet.line}: {line}\n{output.getvalue()}"
