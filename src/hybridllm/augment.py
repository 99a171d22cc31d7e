"""Augmenting: a question takes passages of documents with it, and their labels.

Answers: what is searched for, for whom, and how do passages stand in the request?
Not here: searching (`rag`), how passages stand in a request (`prompting`), deciding about it
(`flow`), checking the answer (`grounding`).

The label of everything that was found joins the label of the request before anything is
decided, so a confidential passage keeps an innocent question inside. The question's vector
is asked for through the flow itself: embedding is a request like any other, and where it is
refused the search goes on by words alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from hybridllm.effects import Compute, Effect
from hybridllm.errors import HybridLLMError, RequestError, unknown_name
from hybridllm.params import EMBEDDINGS
from hybridllm.prompting import as_text, language_of, question_of, with_text
from hybridllm.rag.model import Access, Retrieved
from hybridllm.verify.model import Term
from hybridllm.wire import BackendError

if TYPE_CHECKING:
    from hybridllm.freeze import FrozenRequest
    from hybridllm.labels import Label
    from hybridllm.rag.embedding import Embedder
    from hybridllm.rag.glossary import Glossary
    from hybridllm.rag.model import Hit
    from hybridllm.rag.retrieval import RetrievalSettings
    from hybridllm.rag.store import Store
    from hybridllm.runtime import Call, Completed, Runtime

Complete = Callable[["Call"], Generator[Effect, Any, "Completed | None"]]
"""Makes another call inside this flow, decided and recorded as any other."""


@dataclass(frozen=True, slots=True)
class RemoteEmbedding:
    """Vectors that are asked for at an alias of the configuration.

    Attributes:
        model: The alias.
        query_prefix: Stands before each question.
    """

    model: str
    query_prefix: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Library:
    """A vector store of the configuration, ready to be searched.

    Attributes:
        name: Its key.
        store: Where the passages are.
        settings: How much is retrieved.
        embedder: Makes the question's vector in this process.
        embedding: Or where it is asked for.
        departments: Whose requests may search it; empty means every department's.
        clearance: Highest label that is found in it.
        glossary: By department; the key `""` is for all others.
        definitions_tokens: Budget for definitions of terms in a request.
        answers: What becomes of an answer that the passages do not carry: `annotate`, `retry`
            or `abstain`.
    """

    name: str
    store: Store
    settings: RetrievalSettings
    clearance: Label
    embedder: Embedder | None = None
    embedding: RemoteEmbedding | None = None
    departments: frozenset[str] = frozenset()
    glossary: Mapping[str, Glossary] | None = None
    definitions_tokens: int = 300
    answers: str = "annotate"

    def glossary_of(self, department: str) -> Glossary | None:
        """Return what words mean in a department."""
        if self.glossary is None:
            return None
        return self.glossary.get(department) or self.glossary.get("")


@dataclass(frozen=True, slots=True, repr=False)
class Sources:
    """What a request took along.

    Attributes:
        question: What was searched for.
        hits: Numbered from 1, in this order.
        withheld: Whether the ceiling kept something back.
        terms: What an answer must not say, and what it should say instead.
        language: `en` or `ja`, as the question.
    """

    question: str
    hits: tuple[Hit, ...]
    withheld: bool
    terms: tuple[Term, ...]
    language: str


def augment(
    call: Call,
    *,
    runtime: Runtime,
    frozen: FrozenRequest,
    department: str,
    complete: Complete | None,
    known: Label,
) -> Generator[Effect, Any, tuple[Call, Sources]]:
    """Search the stores that a call names, and put what was found into its request.

    Args:
        call: As it came.
        runtime: With the stores.
        frozen: Its request, as it was given.
        department: Whose request it is.
        complete: Makes a further call; `None` where nothing may be sent (`explain`).
        known: Label of the request without passages: the question's vector is asked for
            under it.

    Returns:
        The call with its passages and their label, and what was found.

    Raises:
        RequestError: A store does not exist, is not for this department, or there is no
            question to search for.
        StoreError: A store cannot be read. Nothing was sent.
    """
    question = question_of(frozen.fields)
    if not question.strip():
        raise RequestError("vector_store_ids needs a question: a last message with text")
    libraries = [
        _library(name, runtime=runtime, department=department) for name in call.vector_stores
    ]
    found: list[Retrieved] = []
    extras: list[_Extra] = []
    for library in libraries:
        vector = yield from _vector(library, question, replace(call, label=known), complete)
        search = partial(_search, library, question, call, department=department, vector=vector)
        retrieved, extra = yield Compute(search, touches_disk=True)
        found.append(retrieved)
        extras.append(extra)
    hits = _interleaved([retrieved.hits for retrieved in found])
    labels = [hit.label for hit in hits] + [label for extra in extras for label in extra.labels]
    language = language_of(question)
    definitions = [extra.definitions for extra in extras if extra.definitions]
    text, frame = as_text(hits, definitions=definitions, language=language)
    label = call.label
    for other in labels:
        label = other if label is None else label.join(other)
    withheld = any(retrieved.withheld for retrieved in found)
    terms = tuple(term for extra in extras for term in extra.terms)
    sources = Sources(question, hits, withheld, terms, language)
    params = with_text(_arguments(frozen), text=text)
    parts = [question, *definitions]
    for hit in hits:
        parts += [hit.passage.text, hit.title, *hit.passage.span.headings]
    parts += [line for told in definitions for line in told.splitlines()]
    call = replace(call, params=params, label=label, frame=frame, parts=tuple(parts))
    return call, sources


def search_one(
    call: Call,
    *,
    runtime: Runtime,
    store: str,
    question: str,
    department: str,
    complete: Complete | None,
) -> Generator[Effect, Any, Retrieved]:
    """Search one store.

    Raises:
        RequestError: It does not exist, or is not for this department.
        StoreError: It cannot be read.
    """
    library = _library(store, runtime=runtime, department=department)
    vector = yield from _vector(library, question, call, complete)
    look = partial(_search, library, question, call, department=department, vector=vector)
    retrieved: Retrieved
    retrieved, _ = yield Compute(look, touches_disk=True)
    return retrieved


def access_for(call: Call, *, library: Library, department: str) -> Access:
    """Return what a call may find in a store."""
    readers = {f"group:{department}"}
    if call.identity.principal:
        readers.add(f"user:{call.identity.principal}")
    return Access(library.clearance, frozenset(readers), department, call.ceiling)


def _arguments(frozen: FrozenRequest) -> dict[str, Any]:
    """Return a frozen request as the arguments that would make it."""
    engine = frozen.engine_fields
    params = {name: value for name, value in frozen.fields.items() if name not in engine}
    if engine:
        params["extra_body"] = {name: frozen.fields[name] for name in engine}
    return params


@dataclass(frozen=True, slots=True, repr=False)
class _Extra:
    """What the glossary of a store adds to a request."""

    expansions: tuple[tuple[str, float], ...] = ()
    definitions: str = ""
    labels: tuple[Label, ...] = ()
    terms: tuple[Term, ...] = ()


def _library(name: str, *, runtime: Runtime, department: str) -> Library:
    library = runtime.libraries.get(name)
    known = [key for key, one in runtime.libraries.items() if _may_use(one, department)]
    if library is None or not _may_use(library, department):
        raise RequestError(f"the vector store {unknown_name(name, allowed=known)}")
    return library


def _may_use(library: Library, department: str) -> bool:
    return not library.departments or department in library.departments


def _vector(
    library: Library, question: str, call: Call, complete: Complete | None
) -> Generator[Effect, Any, tuple[float, ...] | None]:
    """Ask for the question's vector through the flow; nothing if that is refused or fails."""
    if library.embedding is None or complete is None:
        return None
    params = {
        "model": library.embedding.model,
        "input": library.embedding.query_prefix + question,
        "encoding_format": "float",
    }
    inner = replace(call, endpoint=EMBEDDINGS, params=params, vector_stores=())
    reply = None
    with suppress(BackendError, HybridLLMError):  # the search goes on by words alone
        reply = yield from complete(inner)
    if reply is None:
        return None
    try:
        vector = tuple(float(value) for value in reply.reply["data"][0]["embedding"])
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    if not all(map(math.isfinite, vector)):
        return None
    return vector if len(vector) == library.store.capabilities.dimensions else None


def _search(
    library: Library,
    question: str,
    call: Call,
    *,
    department: str,
    vector: tuple[float, ...] | None,
) -> tuple[Retrieved, _Extra]:
    from hybridllm.rag.retrieval import Retriever

    access = access_for(call, library=library, department=department)
    glossary = library.glossary_of(department)
    extra = _Extra()
    if glossary is not None:
        extra = _extra(glossary, question, access=access, budget=library.definitions_tokens)
    retriever = Retriever(library.store, embedder=library.embedder, settings=library.settings)
    found = retriever.retrieve(question, access=access, expansions=extra.expansions, vector=vector)
    return found, extra


def _extra(glossary: Glossary, question: str, *, access: Access, budget: int) -> _Extra:
    """Return what a glossary adds. Terms above the ceiling take no part."""
    clearance = access.clearance if access.ceiling is None else access.ceiling
    expansions = glossary.expansions(question, clearance=clearance)
    told = glossary.definitions(question, clearance=clearance, token_budget=budget)
    labels = tuple(label for label in (expansions.label, told.label) if label is not None)
    terms = tuple(
        Term(term.preferred, term.forbidden)
        for term in glossary.terms
        if term.forbidden and term.label.flows_to(clearance)
    )
    return _Extra(expansions.words, told.text, labels, terms)


def _interleaved(lists: Sequence[Sequence[Hit]]) -> tuple[Hit, ...]:
    """Return the hits of several stores in turn: their scores cannot be compared."""
    rounds = zip_longest(*lists)
    return tuple(hit for hits in rounds for hit in hits if hit is not None)
