"""The store that a `hybridllm rag` command is about.

Answers: which store is meant, and what is open while the command runs?
Not here: the verbs (`rag`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hybridllm.errors import ConfigurationError, expected_one_of

if TYPE_CHECKING:
    import argparse

    from hybridllm.augment import Library
    from hybridllm.classify.fingerprint import FingerprintIndex
    from hybridllm.client import HybridLLM
    from hybridllm.config.vector_stores import Place


@dataclass(frozen=True, slots=True)
class Opened:
    """A store of the configuration, open.

    Attributes:
        client: Over the same configuration.
        place: What the configuration says of the store.
        library: The store, ready to be searched.
        index: Fingerprints of documents, if the configuration keeps them.
    """

    client: HybridLLM
    place: Place
    library: Library
    index: FingerprintIndex | None


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[Opened]:
    """Open the store that the command line means.

    Raises:
        ConfigurationError: There is none, or several and none is named.
    """
    from hybridllm.client import HybridLLM
    from hybridllm.config.vector_stores import places as places_of

    with HybridLLM(config=args.config) as client:
        wiring = client._wiring  # noqa: SLF001 - the command line is part of the package
        scale = wiring.runtime.policy.scale
        places = places_of(wiring.sources, scale=scale, state=wiring.state)
        name = _chosen(args.store, places=places, file=wiring.file.name)
        yield Opened(client, places[name], wiring.runtime.libraries[name], wiring.index)


def _chosen(name: str | None, *, places: dict[str, Place], file: str) -> str:
    if not places:
        raise ConfigurationError(
            "has none; add a table such as [vector_stores.handbook]", file=file, key="vector_stores"
        )
    if name is None:
        if len(places) > 1:
            raise ConfigurationError(
                f"has several; name one with --store: {', '.join(sorted(places))}",
                file=file,
                key="vector_stores",
            )
        return next(iter(places))
    if name not in places:
        raise ConfigurationError(expected_one_of(name, allowed=places), file=file, key="--store")
    return name
