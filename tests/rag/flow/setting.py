"""A company with a cloud, premises and a store of documents, for wire tests.

Answers: who has read which documents in, and what did each server receive?
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hybridllm.labels import Scale
from tests.leaks.setting import write_config
from tests.rag.store.documents import document, passages
from tests.support.server import RecordingServer

SECRET = "The Bluefinch turbine fails above 412 degrees."
OPEN = "The cafeteria opens at 11:30 and serves soup on Mondays."
SALARY = "The pay band of grade seven ends at 61,400 crowns."
SCALE = Scale.of(
    ["public", "internal", "confidential", "restricted"],
    compartments=["personal", "customer", "credentials"],
)


@dataclass(frozen=True)
class Company:
    """Two servers, a configuration, and what its stores hold."""

    file: Path
    cloud: RecordingServer
    on_premises: RecordingServer

    @property
    def cloud_bytes(self) -> bytes:
        return self.cloud.received

    @property
    def inside_bytes(self) -> bytes:
        return self.on_premises.received


@contextmanager
def company(folder: Path, *, more: str = "", answers: str = "annotate") -> Iterator[Company]:
    """Start the servers and read three documents in: public, confidential, for legal alone."""
    from hybridllm.rag.sqlite import SqliteStore

    with RecordingServer(name="cloud") as cloud, RecordingServer(name="inside") as inside:
        departments = folder / "departments"
        departments.mkdir()
        for name in ("sales", "legal"):
            (departments / f"{name}.toml").write_text("version = 1\n", encoding="utf-8")
        store = (
            '[organisation]\ndefault_department = "sales"\n'
            f'[vector_stores.handbook]\nembedder = "none"\nanswers = "{answers}"\n{more}'
        )
        file = write_config(folder, cloud=cloud.port, on_premises=inside.port, more=store)
        path = folder / ".hybridllm" / "vector_stores" / "handbook.sqlite"
        path.parent.mkdir(parents=True)
        made = SqliteStore(path, scale=SCALE, dimensions=0, embedder="none")
        with made.begin_sync("files") as run:
            for name, text, level, readers in (
                ("cafeteria.md", OPEN, "public", frozenset({"public"})),
                ("turbine.md", SECRET, "confidential", frozenset({"group:sales"})),
                ("pay.md", SALARY, "confidential", frozenset({"group:legal"})),
            ):
                item = document(name, text=text, label=SCALE.label(level), readers=readers)
                run.put(item, passages=passages(item, texts=[text]), vectors=None)
            run.commit()
        made.close()
        yield Company(file, cloud, inside)


def question(text: str) -> list[dict[str, str]]:
    """Return a chat of one message."""
    return [{"role": "user", "content": text}]
