"""Nothing of a request stands in the margins: frames, warnings, audit lines, names, files."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from openai.types.chat import ChatCompletionMessage

from hybridllm import HybridLLM
from tests.leaks.residue import collected, fold, frame_texts
from tests.leaks.setting import audit_text, open_client, write_config
from tests.support.behaviours import BadJson, EchoError, Status
from tests.support.search import contains
from tests.support.server import RecordingServer

SECRET = "Kestrel東和精機-7781"
ASK: dict[str, Any] = {"model": "assistant", "messages": [{"role": "user", "content": SECRET}]}


@dataclass
class Company:
    """A client with its servers and files."""

    client: HybridLLM
    file: Path
    cloud: RecordingServer
    inner: RecordingServer
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder = self.file.parent

    @property
    def confidential(self) -> HybridLLM:
        return self.client.with_options(label="confidential")


@pytest.fixture
def company(
    tmp_path: Path, cloud: RecordingServer, on_premises: RecordingServer
) -> Iterator[Company]:
    file = write_config(tmp_path, cloud=cloud, on_premises=on_premises)
    with open_client(file) as client:
        yield Company(client, file, cloud, on_premises)


def _denied(company: Company) -> None:
    company.confidential.chat.completions.create(**ASK, web_search_options={})


def _unavailable(company: Company) -> None:
    company.inner.behave(Status(503))
    company.confidential.chat.completions.create(**ASK)


def _unreadable(company: Company) -> None:
    company.inner.behave(BadJson())
    company.confidential.chat.completions.create(**ASK)


def _echoed(company: Company) -> None:
    company.inner.behave(EchoError())
    company.confidential.chat.completions.create(**ASK)


def _cut_stream(company: Company) -> None:
    company.inner.behave(BadJson())
    list(company.confidential.chat.completions.create(**ASK, stream=True))


def _half_a_character(company: Company) -> None:
    company.client.chat.completions.create(
        model="assistant", messages=[{"role": "user", "content": SECRET + "\ud800"}]
    )


def _too_large(company: Company) -> None:
    long = SECRET + "x" * 10_000_001
    company.client.chat.completions.create(
        model="assistant", messages=[{"role": "user", "content": long}]
    )


def _no_json(company: Company) -> None:
    odd: Any = {"role": "user", "content": SECRET, "name": object()}
    company.client.chat.completions.create(model="assistant", messages=[odd])


def _unknown_model(company: Company) -> None:
    company.client.chat.completions.create(**(ASK | {"model": "assistent"}))


def _unknown_parameter(company: Company) -> None:
    company.client.chat.completions.create(**ASK, mesages=[])  # type: ignore[call-overload]


def _broken_audit(company: Company) -> None:
    folder = company.folder / ".hybridllm" / "audit"
    folder.rmdir() if folder.exists() else None
    folder.write_text("a file stands where the log should be", encoding="utf-8")
    company.confidential.chat.completions.create(**ASK)


def _embeddings(company: Company) -> None:
    company.inner.behave(Status(503))
    company.confidential.embeddings.create(model="assistant", input=SECRET)


def _responses(company: Company) -> None:
    company.inner.behave(Status(503))
    company.confidential.responses.create(model="assistant", input=SECRET)


FAILURES: tuple[Callable[[Company], None], ...] = (
    _denied,
    _unavailable,
    _unreadable,
    _echoed,
    _cut_stream,
    _half_a_character,
    _too_large,
    _no_json,
    _unknown_model,
    _unknown_parameter,
    _broken_audit,
    _embeddings,
    _responses,
)
_failures = pytest.mark.parametrize("fail", FAILURES, ids=lambda one: one.__name__.strip("_"))


@_failures
def test_an_error_tracker_that_shows_local_variables_shows_no_text(
    fail: Callable[[Company], None], company: Company
) -> None:
    """Trackers print the locals of each frame; in this package's frames there is no content."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each failure has its own class
        fail(company)

    wanted = fold(SECRET)
    assert [] == [place for place, text in frame_texts(caught.value) if wanted in fold(text)]


@_failures
def test_no_error_says_what_was_asked(fail: Callable[[Company], None], company: Company) -> None:
    """Message, arguments, attributes, causes, logs and warnings of each failure are free of it."""
    with collected() as residue, pytest.raises(Exception) as caught:  # noqa: PT011 - as above
        fail(company)
    residue.add_error(caught.value)

    assert [] == residue.holds(SECRET)
    assert b"" == company.cloud.received


def test_a_tool_type_is_content_and_not_a_name_for_the_log(company: Company) -> None:
    """Who writes text where the type of a tool belongs does not write it into the audit log."""
    tools: Any = [{"type": "Kestrel極秘", "function": {"name": "f"}}]
    ask = {"model": "assistant", "messages": [{"role": "user", "content": "hi"}], "tools": tools}

    with pytest.raises(Exception) as caught:  # noqa: PT011 - the kind of denial does not matter
        company.client.chat.completions.create(**ask)
    explained = company.client.chat.completions.explain(**ask)

    assert "Kestrel" not in f"{caught.value!r} {explained!r} {audit_text(company.file)}"
    assert b"" == company.cloud.received + company.inner.received


@pytest.mark.parametrize("name", ["model", "retrieve"])
def test_a_text_where_a_name_belongs_is_not_repeated(name: str, company: Company) -> None:
    """A prompt or a key passed as a model by mistake stays out of the message."""
    text = "sk" + "-Kestrel7781plumOsprey"
    client: Any = company.client
    wrong: dict[str, Callable[[], object]] = {
        "model": lambda: client.chat.completions.create(**(ASK | {"model": text})),
        "retrieve": lambda: client.models.retrieve(text),
    }

    with pytest.raises(ValueError, match="expected one of") as caught:
        wrong[name]()

    assert text not in f"{caught.value!s} {caught.value!r} {caught.value.__context__!r}"


def test_history_in_an_odd_shape_raises_no_warning_that_quotes_it(company: Company) -> None:
    """A reply object whose content is a list is sent on silently."""
    odd: Any = ChatCompletionMessage.construct(
        role="assistant", content=[{"type": "text", "text": SECRET}]
    )

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        company.confidential.chat.completions.create(
            model="assistant", messages=[odd, {"role": "user", "content": "go on"}]
        )

    assert [] == [str(one.message) for one in caught if "Kestrel" in str(one.message)]


def test_objects_show_counts_instead_of_content(company: Company) -> None:
    """Whatever a debugger prints of this package's objects holds no text."""
    client = company.confidential
    stream = client.chat.completions.create(**ASK, stream=True)
    shown = [client, client.chat, stream, stream.policy_decision, client.chat.completions]
    list(stream)
    shown.append(client.chat.completions.explain(**ASK))

    assert [] == [type(one).__name__ for one in shown if "Kestrel" in repr(one)]


def test_no_file_beside_the_configuration_holds_a_text(company: Company) -> None:
    """Audit log, memory, key, journals: the state directory holds digests only."""
    company.confidential.chat.completions.create(**ASK)
    list(company.confidential.chat.completions.create(**ASK, stream=True))
    company.client.chat.completions.create(
        model="assistant", messages=[{"role": "user", "content": f"{SECRET} and what then?"}]
    )

    files = [path for path in company.folder.rglob("*") if path.is_file()]
    found = {path.name: contains(path.read_bytes(), SECRET) for path in files}

    assert {} == {name: ways for name, ways in found.items() if ways}
    assert any(path.suffix == ".jsonl" for path in files)
