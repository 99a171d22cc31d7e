"""The adapters over the real Presidio and spaCy, where they are installed."""

from __future__ import annotations

import pytest

from hybridllm.classify.adapters import PresidioDetector, SpacyDetector
from hybridllm.errors import ConfigurationError
from hybridllm.testing import EgressForbiddenError, forbid_egress
from tests.support.tripwire import AuditHookTripwire

spacy = pytest.importorskip("spacy")
presidio = pytest.importorskip("presidio_analyzer")
engines = pytest.importorskip("presidio_analyzer.nlp_engine")
domains = pytest.importorskip("tldextract.tldextract")

TEXT = "Write to hanako.mori@example.co.jp or pay with 4539 1488 0343 6467."


def ruled(label, name="Hanako Mori"):
    """Return a blank pipeline with one rule."""
    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": label, "pattern": name}])
    return pipeline


def analyzer(pipeline, *recognizers, **settings):
    engine = engines.SpacyNlpEngine(models=[{"lang_code": "en", "model_name": "own"}])
    engine.nlp = {"en": pipeline}
    registry = presidio.RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"], nlp_engine=engine)
    for recognizer in recognizers:
        registry.add_recognizer(recognizer)
    return presidio.AnalyzerEngine(
        registry=registry, nlp_engine=engine, supported_languages=["en"], **settings
    )


def spans(detector, text):
    return {(match.kind, text[match.start : match.end]) for match in detector.detect(text)}


@pytest.mark.parametrize("language", ["en", "ja"])
def test_presidio_reads_without_the_network(language, monkeypatch):
    """Neither a model nor a list of domains is downloaded, at the first address or later."""
    monkeypatch.setattr(domains, "TLD_EXTRACTOR", domains.TLDExtract(cache_dir=None))

    with forbid_egress(), AuditHookTripwire() as tripwire:
        found = spans(PresidioDetector(language=language), TEXT)

    assert ("personal.email", "hanako.mori@example.co.jp") in found
    assert [] == tripwire.strays


def test_left_to_itself_presidio_asks_the_network(monkeypatch):
    """Without the adapter's care the first mail address asks: the test above can fail."""
    detector = PresidioDetector()
    monkeypatch.setattr(domains, "TLD_EXTRACTOR", domains.TLDExtract(cache_dir=None))

    with pytest.raises(EgressForbiddenError), forbid_egress():
        detector.detect(TEXT)


def test_kinds_are_those_of_the_package():
    """A policy needs no second set of words for Presidio's findings."""
    detector = PresidioDetector()

    assert {
        ("personal.email", "hanako.mori@example.co.jp"), ("financial.card", "4539 1488 0343 6467")
    } == spans(detector, TEXT)  # fmt: skip
    assert "URL" in detector.unmapped_labels


def test_a_model_of_yours_takes_part():
    """Names come from the pipeline that was handed over."""
    detector = PresidioDetector(analyzer(ruled("PERSON")))

    assert ("personal.name", "Hanako Mori") in spans(detector, "ask Hanako Mori today")


def test_a_model_whose_labels_presidio_drops_is_refused():
    """GiNZA's Person is unknown to Presidio's map: recall would fall without a word."""
    with pytest.raises(ConfigurationError, match=r"no label of the model for 'en'.*has Person"):
        PresidioDetector(analyzer(ruled("Person")))


def test_an_analyzer_that_finds_nothing_with_a_kind_is_refused():
    """A map that fits nothing would switch the detector off."""
    with pytest.raises(ConfigurationError, match="finds no entity that has a kind"):
        PresidioDetector(kinds={"NO_SUCH_ENTITY": "personal.name"})


def test_a_language_that_the_analyzer_lacks_is_refused():
    """The message says which ones it has."""
    with pytest.raises(ConfigurationError, match="is 'ja'; expected one of en"):
        PresidioDetector(analyzer(spacy.blank("en")), language="ja")


class Remote(presidio.RemoteRecognizer):
    """Would ask another machine."""

    def __init__(self):
        super().__init__(["PERSON"], "elsewhere", "en", "1")

    def analyze(self, text, entities, nlp_artifacts):
        raise AssertionError("was asked")

    def get_supported_entities(self):
        return ["PERSON"]


def test_an_analyzer_that_asks_other_machines_is_refused():
    """Classifying makes no network call, not even to a server in the house."""
    with pytest.raises(ConfigurationError, match="'elsewhere' sends texts"):
        PresidioDetector(analyzer(spacy.blank("en"), Remote()))


def test_an_analyzer_that_writes_texts_down_is_refused():
    """A trace of decisions would hold what was read."""
    with pytest.raises(ConfigurationError, match="log_decision_process"):
        PresidioDetector(analyzer(spacy.blank("en"), log_decision_process=True))


def test_a_long_text_is_read_whole():
    """A card number on the last page is found where it stands."""
    text = "Nothing here. " * 3_000 + TEXT

    assert ("financial.card", "4539 1488 0343 6467") in spans(PresidioDetector(), text)


def test_a_score_below_the_threshold_is_no_finding():
    """Presidio's guesses stay out; a lower threshold lets them in."""
    text = "the code 123456789 is on the box"

    assert set() == spans(PresidioDetector(), text)
    assert set() != spans(PresidioDetector(threshold=0.0), text)


def test_a_spacy_pipeline_is_read_with_its_offsets():
    """Entities of a real pipeline are found where they stand, in any piece."""
    text = "x " * 9_000 + "Hanako Mori and Hanako Mori"

    found = SpacyDetector(ruled("PERSON")).detect(text)

    assert ["Hanako Mori"] * 2 == [text[match.start : match.end] for match in found]


def test_rules_and_models_both_count_as_labels():
    """Every component that finds entities is asked for its labels, and no other one."""
    pipeline = ruled("City")
    pipeline.add_pipe("ner").add_label("Person")

    assert frozenset({"City"}) == SpacyDetector(pipeline).unmapped_labels
    with pytest.raises(ConfigurationError, match="it has City"):
        SpacyDetector(ruled("City"))
