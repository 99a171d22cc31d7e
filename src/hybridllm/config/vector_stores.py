"""The vector stores that a configuration names.

Answers: which file, embedder and glossary does a store consist of, and how are its folders
read in?
Not here: searching (`rag`), what passages do to a request (`augment`), reading (`rag.ingest`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hybridllm.augment import Library, RemoteEmbedding
from hybridllm.errors import ConfigurationError, MissingExtraError, unknown_name
from hybridllm.policy.load import build_label, require
from hybridllm.rag.retrieval import RetrievalSettings

if TYPE_CHECKING:
    from hybridllm.config.schema import SourceConfig, VectorStoreConfig
    from hybridllm.config.sources import Sources
    from hybridllm.labels import Label, Scale
    from hybridllm.rag.embedding import Embedder
    from hybridllm.rag.glossary import Glossary
    from hybridllm.rag.ingest.settings import SyncSettings
    from hybridllm.rag.store import Store

DIRECTORY = "vector_stores"
_EVERYBODY = "all"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a store of the configuration is.

    Attributes:
        name: Its key.
        config: Its table.
        sources: All files of the configuration.
        scale: Levels and compartments.
        state: The state directory.
    """

    name: str
    config: VectorStoreConfig
    sources: Sources
    scale: Scale
    state: Path

    @property
    def key(self) -> str:
        """Its place in the file, for errors."""
        return f"vector_stores.{self.name}"

    @property
    def path(self) -> Path:
        """Its file."""
        if self.config.path is not None:
            return self.sources.file.parent / self.config.path
        return self.state / DIRECTORY / f"{self.name}.sqlite"

    def wrong(self, key: str, *, message: str) -> ConfigurationError:
        """Return the error for one of its keys."""
        return ConfigurationError(message, file=self.sources.shown, key=f"{self.key}.{key}")


def places(sources: Sources, *, scale: Scale, state: Path) -> dict[str, Place]:
    """Return the stores of a configuration by name, checked; no file is opened.

    Raises:
        ConfigurationError: A setting is missing, wrong or contradicts another.
    """
    found = {
        name: Place(name, config, sources, scale, state)
        for name, config in sources.organisation.vector_stores.items()
    }
    for place in found.values():
        _check(place)
    return found


def build_libraries(sources: Sources, *, scale: Scale, state: Path) -> dict[str, Library]:
    """Open the stores of a configuration.

    Raises:
        ConfigurationError: A setting is wrong, or a file cannot be used.
        MissingExtraError: The extra `rag` is not installed.
    """
    return {
        name: _library(place) for name, place in places(sources, scale=scale, state=state).items()
    }


def local_embedder(place: Place) -> Embedder | None:
    """Return the embedder that runs in this process; nothing if the store has none.

    Raises:
        MissingExtraError: The extra `rag` is not installed.
    """
    if place.config.embedder != "bundled":
        return None
    return _bundled()


def question_embedder(place: Place, *, client: Any) -> Embedder | None:
    """Return what makes the vectors of questions: here, or through a guarded client."""
    config = place.config
    if config.embedder != "model":
        return local_embedder(place)
    return _remote(place, client=client)


def passage_embedder(place: Place, *, client: Any) -> Any:
    """Return what makes the vectors of passages, which takes their label.

    Args:
        place: The store.
        client: A `HybridLLM` client; used if the store asks a model of the configuration.
    """
    if place.config.embedder == "none":
        return None
    return _PassageEmbedder(place, local=local_embedder(place), client=client)


def sync_settings(place: Place, *, source: str, config: SourceConfig) -> SyncSettings:
    """Return how a folder is read in."""
    from hybridllm.rag.ingest.marks import Markings
    from hybridllm.rag.ingest.settings import SyncSettings

    markings = place.config.markings
    labels = {word: _label(place, value, f"markings.{word}") for word, value in markings.items()}
    return SyncSettings(
        source=source,
        scale=place.scale,
        markings=Markings(place.scale.strictest, labels),
        label=None
        if config.label is None
        else _label(place, config.label, f"sources.{source}.label"),
        readers=frozenset(config.readers),
        departments=frozenset(config.departments),
        trust=config.trust,
        memory=place.path.with_suffix(f".{source}.json"),
    )


def forget_documents(place: Place, *, documents: Collection[str]) -> None:
    """Take erased documents out of what earlier syncs noted of them.

    Raises:
        OSError: A file cannot be written.
    """
    from hybridllm.rag.ingest.memory import forget

    for file in place.path.parent.glob(f"{place.path.stem}.*.json"):
        forget(file, documents=documents)


class _PassageEmbedder:
    """Embeds passages under their own label: here, or through a guarded client."""

    def __init__(self, place: Place, *, local: Embedder | None, client: Any) -> None:
        self._place, self._local, self._client = place, local, client

    def embed_passages(self, texts: list[str], *, label: Label) -> list[list[float]]:
        if self._local is not None:
            return self._local.embed_passages(texts)
        compartments = tuple(sorted(label.compartments))
        client = self._client.with_options(label=label.level.name, compartments=compartments)
        return _remote(self._place, client=client).embed_passages(texts)


def _remote(place: Place, *, client: Any) -> Embedder:
    from hybridllm.rag.embedding import ClientEmbedder

    config = place.config
    return ClientEmbedder(
        client,
        model=str(config.embedding_model),
        dimensions=config.dimensions or 0,
        query_prefix=config.query_prefix,
        passage_prefix=config.passage_prefix,
    )


def _check(place: Place) -> None:
    config, organisation = place.config, place.sources.organisation
    remote = config.embedder == "model"
    for key in ("embedding_model", "dimensions"):
        if remote and getattr(config, key) is None:
            raise place.wrong(key, message="is missing; embedder = 'model' needs it")
        if not remote and getattr(config, key) is not None:
            message = f"contradicts embedder = {config.embedder!r}; remove one"
            raise place.wrong(key, message=message)
    if remote:
        require(
            str(config.embedding_model),
            allowed=organisation.models,
            file=place.sources.shown,
            key=f"{place.key}.embedding_model",
        )
    _check_names(place)


def _check_names(place: Place) -> None:
    config, known = place.config, place.sources.departments
    for position, department in enumerate(config.departments):
        require(
            department,
            allowed=known,
            file=place.sources.shown,
            key=f"{place.key}.departments[{position}]",
        )
    for name in config.glossaries:
        if name != _EVERYBODY:
            key = f"{place.key}.glossaries.{name}"
            require(name, allowed=known, file=place.sources.shown, key=key)
    for name, source in config.sources.items():
        folder = place.sources.file.parent / source.folder
        if not folder.is_dir():
            key = f"sources.{name}.folder"
            raise place.wrong(key, message=f"names {source.folder!r}, which is no folder")
        if source.label is not None:
            _label(place, source.label, f"sources.{name}.label")
        _check_readers(place, source=source, key=f"sources.{name}.readers")
    for word, label in config.markings.items():
        _label(place, label, f"markings.{word}")


def _check_readers(place: Place, *, source: SourceConfig, key: str) -> None:
    """Refuse a reader that can be nobody: its documents would be lost to everybody."""
    departments = list(place.sources.departments) or ["default"]
    for position, reader in enumerate(source.readers):
        kind, _, name = reader.partition(":")
        if kind == "group" and name not in departments:
            text = unknown_name(name, allowed=departments)
            raise place.wrong(f"{key}[{position}]", message=f"names a department that {text}")
        if reader != "public" and not (kind in {"group", "user"} and name):
            raise place.wrong(
                f"{key}[{position}]",
                message=f"is {reader!r}; expected public, group:<department> or user:<principal>",
            )


def _library(place: Place) -> Library:
    config = place.config
    embedder = local_embedder(place)
    embedding = None
    if config.embedder == "model":
        embedding = RemoteEmbedding(str(config.embedding_model), config.query_prefix)
    return Library(
        name=place.name,
        store=_store(place, embedder=embedder),
        settings=RetrievalSettings(passages=config.passages, context_tokens=config.context_tokens),
        clearance=place.scale.strictest,
        embedder=embedder,
        embedding=embedding,
        departments=frozenset(config.departments),
        glossary=_glossaries(place),
        answers=config.answers,
    )


def _store(place: Place, *, embedder: Embedder | None) -> Store:
    config = place.config
    from hybridllm.rag.sqlite import SqliteStore  # says itself which extra is missing

    place.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if embedder is not None:
        dimensions, name = embedder.dimensions, embedder.name
    elif config.embedder == "model":
        prefix = config.passage_prefix
        dimensions = config.dimensions or 0
        name = f"{config.embedding_model}:{dimensions}:{prefix!r}"
    else:
        dimensions, name = 0, "none"
    return SqliteStore(place.path, scale=place.scale, dimensions=dimensions, embedder=name)


def _bundled() -> Embedder:
    try:
        from hybridllm.rag.bundled import BundledEmbedder
    except ImportError as error:
        if str(error.name).partition(".")[0] == "hybridllm":
            raise
        raise MissingExtraError(feature="the bundled embedder", extra="rag") from None
    return BundledEmbedder()


def _glossaries(place: Place) -> dict[str, Glossary] | None:
    """Return what words mean in each department, and under the key `""` in all others."""
    config = place.config
    if not config.glossaries:
        return None
    from hybridllm.rag.glossary import merged
    from hybridllm.rag.glossary_file import load_glossary

    folder = place.sources.file.parent
    terms = {
        name: load_glossary(folder / path, scale=place.scale)
        for name, path in config.glossaries.items()
    }
    common = terms.pop(_EVERYBODY, ())
    return {
        department: merged(common, department=department, departments=terms)
        for department in ("", *terms)
    }


def _label(place: Place, value: Any, key: str) -> Label:
    return build_label(place.scale, value, file=place.sources.shown, key=f"{place.key}.{key}")
