"""Presidio as a detector that stays at home.

Answers: what does a Presidio analyzer find, in our kinds?
Not here: Presidio's rules.

Left to itself, Presidio downloads a language model when one is missing and a list of
internet domains at the first mail address. Here the model is what the caller loaded, or
none; the list is the one inside the package `tldextract`, for the whole process. An
analyzer that asks other machines, writes texts to a log, or ignores all labels of its
own model is refused at the start.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from hybridllm.classify.adapters.kinds import PRESIDIO_KINDS
from hybridllm.classify.adapters.spacy_entities import (
    PIECE_CHARACTERS,
    entity_labels,
    shown_labels,
)
from hybridllm.classify.detector import Match
from hybridllm.classify.semantic.windows import joined, windows
from hybridllm.errors import ConfigurationError, MissingExtraError, expected_one_of

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine

_ANY_LANGUAGE: Final = "xx"
"""spaCy's code for rules of no particular language: they need no tokenizer of their own."""

_MODELS: Final = {"en": ("en_core_web_lg", "en_core_web_md", "en_core_web_sm")}
"""spaCy's own models by language, the best first."""

_WORDS: Final = "hybridllm_words_as_lemmas"


class PresidioDetector:
    """Reads texts with a Presidio analyzer.

    Args:
        analyzer: Yours, with the models you loaded; `None` for Presidio's patterns alone.
        language: Which of the analyzer's languages to use.
        kinds: Kind of ours for each entity of Presidio.
        threshold: Least score of a finding. Presidio's own default, 0, doubles the false
            alarms of 0.5.

    Raises:
        ConfigurationError: The analyzer could send texts away or write them down, does not
            know the language, or finds nothing that has a kind.
        MissingExtraError: Presidio is not installed.
    """

    def __init__(
        self,
        analyzer: AnalyzerEngine | None = None,
        *,
        language: str = "en",
        kinds: Mapping[str, str] = PRESIDIO_KINDS,
        threshold: float = 0.5,
    ) -> None:
        _require()
        _keep_domain_list_offline()
        self._analyzer: Any = _patterns_only(language) if analyzer is None else analyzer
        self._language = language
        self._threshold = threshold
        _check_at_home(self._analyzer)
        if language not in self._analyzer.supported_languages:
            found = expected_one_of(language, allowed=self._analyzer.supported_languages)
            raise ConfigurationError(f"the language of the Presidio analyzer {found}")
        _check_model_labels(self._analyzer, language=language, kinds=kinds)
        supported = frozenset(self._analyzer.get_supported_entities(language))
        self._kinds = {name: kind for name, kind in kinds.items() if name in supported}
        if not self._kinds:
            raise ConfigurationError(
                "the Presidio analyzer finds no entity that has a kind; it finds"
                f" {shown_labels(supported)}. Give the kinds of its entities with kinds="
            )
        self._unmapped = supported - self._kinds.keys()
        self._one_at_a_time = threading.Lock()

    @property
    def name(self) -> str:
        """Stable name."""
        return f"presidio:{self._language}"

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds that its entities lead to."""
        return frozenset(self._kinds.values())

    @property
    def unmapped_labels(self) -> frozenset[str]:
        """Entities of the analyzer that lead to no finding."""
        return self._unmapped

    def detect(self, text: str) -> list[Match]:
        """Return the entities that have a kind.

        Raises:
            Exception: Whatever the analyzer raises.
        """
        return joined(
            match
            for start, end in windows(text, size=PIECE_CHARACTERS)
            for match in self._entities(text[start:end], offset=start)
        )

    def _entities(self, piece: str, *, offset: int) -> Iterator[Match]:
        with self._one_at_a_time:
            results = self._analyzer.analyze(
                piece,
                language=self._language,
                entities=sorted(self._kinds),
                score_threshold=self._threshold,
            )
        for result in results:
            start, end = offset + result.start, offset + result.end
            yield Match(self._kinds[result.entity_type], start, end, float(result.score))

    def __repr__(self) -> str:
        return f"PresidioDetector(language={self._language!r})"


def installed_analyzer(language: str) -> tuple[AnalyzerEngine | None, str]:
    """Return an analyzer with a spaCy model that is installed, and the name of the model.

    Nothing is downloaded: without a model the answer is `None` and an empty name.

    Raises:
        MissingExtraError: Presidio is not installed.
    """
    _require()
    _keep_domain_list_offline()
    import spacy
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    for model in _MODELS.get(language, ()):
        if spacy.util.is_package(model):
            engine = SpacyNlpEngine(models=[{"lang_code": language, "model_name": model}])
            return AnalyzerEngine(nlp_engine=engine, supported_languages=[language]), model
    return None, ""


def _require() -> None:
    try:
        import presidio_analyzer  # noqa: F401 - only whether it is there
    except ModuleNotFoundError as error:
        if error.name != "presidio_analyzer":
            raise
        raise MissingExtraError(feature="the Presidio adapter", extra="presidio") from None


def _patterns_only(language: str) -> AnalyzerEngine:
    """Return an analyzer with Presidio's patterns and without any model."""
    import spacy
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    pipeline = spacy.blank(_ANY_LANGUAGE)
    spacy.Language.component(_WORDS, func=_words_as_lemmas)
    pipeline.add_pipe(_WORDS)
    engine = SpacyNlpEngine(models=[{"lang_code": language, "model_name": "blank"}])
    # An engine that holds its pipeline already loads none, and so downloads none.
    engine.nlp = {language: pipeline}
    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=engine)
    registry.remove_recognizer("SpacyRecognizer")
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])


def _words_as_lemmas(document: Any) -> Any:
    """Let every word be its own lemma: context words are compared by lemma."""
    for token in document:
        token.lemma_ = token.lower_
    return document


def _keep_domain_list_offline() -> None:
    """Make `tldextract` use the list it came with: by default it downloads a newer one."""
    from tldextract import TLDExtract, tldextract

    if tldextract.TLD_EXTRACTOR.suffix_list_urls:
        tldextract.TLD_EXTRACTOR = TLDExtract(cache_dir=None, suffix_list_urls=())


def _check_at_home(analyzer: Any) -> None:
    """Refuse an analyzer that asks other machines or writes down what it reads.

    Raises:
        ConfigurationError: It does.
    """
    from presidio_analyzer import RemoteRecognizer

    away = [
        item.name for item in analyzer.registry.recognizers if isinstance(item, RemoteRecognizer)
    ]
    if away:
        raise ConfigurationError(
            f"the Presidio recognizer {away[0]!r} sends texts to another process or machine;"
            " classifying makes no network call"
        )
    if analyzer.log_decision_process:
        raise ConfigurationError(
            "the Presidio analyzer has log_decision_process=True, which writes texts to a log"
        )


def _check_model_labels(analyzer: Any, *, language: str, kinds: Mapping[str, str]) -> None:
    """Refuse a model whose labels Presidio drops without a word.

    Raises:
        ConfigurationError: None of them becomes an entity that has a kind.
    """
    pipelines = getattr(analyzer.nlp_engine, "nlp", None) or {}
    pipeline = pipelines.get(language)
    labels = entity_labels(pipeline) if hasattr(pipeline, "pipe_labels") else frozenset()
    settings = getattr(analyzer.nlp_engine, "ner_model_configuration", None)
    mapping = getattr(settings, "model_to_presidio_entity_mapping", None) or {}
    if labels and not kinds.keys() & {mapping.get(label, label) for label in labels}:
        raise ConfigurationError(
            f"Presidio knows no label of the model for {language!r} as an entity that has a"
            f" kind; the model has {shown_labels(labels)}. Map them in the"
            " model_to_presidio_entity_mapping of the NER configuration"
        )
