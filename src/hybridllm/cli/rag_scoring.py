"""`hybridllm rag eval`: how well a store answers questions whose answers are known.

Answers: which configurations are compared, and how is one question tried?
Not here: the measures (`rag.evaluation`).

No model is asked: what is measured is what is found, whether it speaks of the question, and
what the check says of sentences that people have judged.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hybridllm.cli import status
from hybridllm.cli.terminal import make_console, make_table, write_json
from hybridllm.rag.evaluation import Outcome, Piece, comparison, load_questions, score
from hybridllm.rag.model import Access, Query, Retrieved
from hybridllm.rag.retrieval import Retriever
from hybridllm.verify.answerability import answerable
from hybridllm.verify.check import AnswerChecker
from hybridllm.verify.model import Source, Verdict

if TYPE_CHECKING:
    import argparse

    from hybridllm.augment import Library
    from hybridllm.cli.rag_opening import Opened
    from hybridllm.rag.embedding import Embedder
    from hybridllm.rag.evaluation import Question, Scores
    from hybridllm.rag.glossary import Glossary

_DEPTH = 10


@dataclass(frozen=True, slots=True, repr=False)
class _Setup:
    """One configuration of a store."""

    library: Library
    access: Access
    embedder: Embedder | None
    glossary: Glossary | None

    def tried(self, question: Question) -> Outcome:
        started = time.perf_counter()
        vector = None
        if self.embedder is not None:
            vector = tuple(self.embedder.embed_queries([question.text])[0])
        expansions: Sequence[tuple[str, float]] = ()
        if self.glossary is not None:
            clearance = self.access.clearance
            expansions = self.glossary.expansions(question.text, clearance=clearance).words
        query = Query(question.text, vector, tuple(expansions))
        hits = self.library.store.search(query, access=self.access, k=_DEPTH)
        took = time.perf_counter() - started
        context = Retriever(
            self.library.store, embedder=self.embedder, settings=self.library.settings
        ).retrieve(question.text, access=self.access, expansions=expansions, vector=vector)
        sources = _sources(context)
        found = answerable(question.text, sources=sources)
        return Outcome(
            found=tuple(
                Piece(hit.passage.span.document, hit.passage.span.start, hit.passage.span.end)
                for hit in hits
            ),
            has_abstained=not found.is_answerable,
            supported=_verdicts(question, sources),
            latency_s=took,
        )


def score_store(args: argparse.Namespace, *, found: Opened) -> int:
    """Score the store on the questions of a file, and print a table."""
    questions = load_questions(args.questions)
    scored = {name: _scores(setup, questions) for name, setup in _setups(args, found).items()}
    tables = {"all": {name: scores for name, (scores, _) in scored.items()}}
    for language in sorted({question.language for question in questions if question.language}):
        chosen = [place for place, one in enumerate(questions) if one.language == language]
        tables[language] = {
            name: score([questions[i] for i in chosen], outcomes=[outcomes[i] for i in chosen])
            for name, (_, outcomes) in scored.items()
        }
    if args.json:
        write_json({"questions": len(questions), "scores": _document(tables)})
        return status.OK
    console = make_console()
    for title, configurations in tables.items():
        heading, *rows = comparison(configurations)
        table = make_table(*heading, title=f"{title}: 95 % intervals in brackets")
        for row in rows:
            table.add_row(*row)
        console.print(table)
    return status.OK


def _setups(args: argparse.Namespace, found: Opened) -> dict[str, _Setup]:
    """Return what is compared: the store as it is, by words alone, and without a glossary."""
    from hybridllm.config.vector_stores import question_embedder

    library = found.library
    department = args.department or found.client._wiring.runtime.default_department  # noqa: SLF001 - the command line is part of the package
    readers = frozenset({f"group:{department}"})
    access = Access(library.clearance, readers, department)
    embedder = question_embedder(found.place, client=found.client)
    glossary = library.glossary_of(department)
    setups = {"as configured": _Setup(library, access, embedder, glossary)}
    if embedder is not None:
        setups["words alone"] = _Setup(library, access, None, glossary)
    if glossary is not None:
        setups["without glossary"] = _Setup(library, access, embedder, None)
    return setups


def _scores(setup: _Setup, questions: Sequence[Question]) -> tuple[Scores, list[Outcome]]:
    outcomes = [setup.tried(question) for question in questions]
    return score(questions, outcomes=outcomes), outcomes


def _sources(context: Retrieved) -> list[Source]:
    return [
        Source(str(number), hit.title, hit.passage.text)
        for number, hit in enumerate(context.hits, 1)
    ]


def _verdicts(question: Question, sources: Sequence[Source]) -> tuple[bool, ...]:
    if not question.claims:
        return ()
    checker = AnswerChecker.of(sources, question=question.text)
    return tuple(
        checker.answer(claim.text).verdict is Verdict.SUPPORTED for claim in question.claims
    )


def _document(tables: Mapping[str, Mapping[str, Scores]]) -> dict[str, Any]:
    return {
        title: {name: asdict(scores) for name, scores in configurations.items()}
        for title, configurations in tables.items()
    }
