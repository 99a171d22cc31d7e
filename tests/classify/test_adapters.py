"""The adapters for spaCy and GiNZA, without either: pipelines are stood in for by fakes."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from hybridllm.classify.adapters import GINZA_KINDS, ONTONOTES_KINDS, PRESIDIO_KINDS, SpacyDetector
from hybridllm.classify.adapters.spacy_entities import PIECE_CHARACTERS
from hybridllm.classify.detector import Detector
from hybridllm.classify.detectors import KINDS
from hybridllm.errors import ConfigurationError

SUDACHI_BYTES = 49_149


class Pipeline:
    """A spaCy pipeline as far as the adapter can see: it finds one word."""

    pipe_names = ("tagger", "ner")

    def __init__(self, *labels, word="森本花子", found=None):
        self.meta = {"lang": "ja", "name": "fake"}
        self.pipe_labels = {"tagger": ["NOUN"], "ner": list(labels)}
        self.word, self.found, self.pieces = word, found or labels[0] if labels else "", []

    def get_pipe_meta(self, name):
        return SimpleNamespace(assigns=["doc.ents"] if name == "ner" else ["token.tag"])

    def __call__(self, text):
        if len(text.encode()) > SUDACHI_BYTES:
            raise ValueError("Input is too long")
        self.pieces.append(text)
        start = text.find(self.word)
        entity = SimpleNamespace(
            label_=self.found, start_char=start, end_char=start + len(self.word)
        )
        return SimpleNamespace(ents=[entity] if start >= 0 else [])


def spans(detector, text):
    return [(match.kind, text[match.start : match.end]) for match in detector.detect(text)]


@pytest.mark.parametrize("label", ["PERSON", "PER", "Person"])
def test_labels_of_spacy_and_of_ginza_are_known(label):
    """PERSON of spaCy and Person of GiNZA are both names."""
    detector = SpacyDetector(Pipeline(label))

    assert isinstance(detector, Detector)
    assert [("personal.name", "森本花子")] == spans(detector, "担当は森本花子です")


def test_a_pipeline_whose_labels_nobody_knows_is_refused():
    """A detector that could never find anything does not pass for a quiet one."""
    with pytest.raises(
        ConfigurationError, match="'ja_fake' has no label that has a kind; it has Human"
    ):
        SpacyDetector(Pipeline("Human"))
    with pytest.raises(ConfigurationError, match="it has none"):
        SpacyDetector(Pipeline())


def test_labels_of_your_own_model_get_kinds_of_yours():
    """A model of the company's own names what it finds as it likes."""
    detector = SpacyDetector(Pipeline("Human", "Place"), kinds={"Human": "vendor.person"})

    assert [("vendor.person", "森本花子")] == spans(detector, "森本花子")
    assert frozenset({"vendor.person"}) == detector.kinds
    assert frozenset({"Place"}) == detector.unmapped_labels


def test_labels_without_a_kind_lead_to_no_finding():
    """Cities are not sensitive; the tagger's labels do not count at all."""
    detector = SpacyDetector(Pipeline("Person", found="City"))

    assert [] == spans(detector, "森本花子")


@pytest.mark.parametrize("before", [0, 9_950, 10_000, 16_383, 40_000])
def test_a_long_japanese_text_is_read_in_pieces(before):
    """No piece exceeds what SudachiPy takes, and a name at a cut is found whole, once."""
    pipeline = Pipeline("Person")
    text = "あ" * before + "森本花子" + "い" * 20_000

    assert [("personal.name", "森本花子")] == spans(SpacyDetector(pipeline), text)
    assert max(len(piece.encode()) for piece in pipeline.pieces) <= 4 * PIECE_CHARACTERS
    assert 4 * PIECE_CHARACTERS < SUDACHI_BYTES


def test_a_pipeline_that_raises_is_no_quiet_one():
    """The error reaches the classifier, for which it is a doubt."""
    pipeline = Pipeline("Person")
    detector = SpacyDetector(pipeline)
    pipeline.pieces = None

    with pytest.raises(AttributeError):
        detector.detect("森本花子")


@pytest.mark.parametrize("table", [GINZA_KINDS, ONTONOTES_KINDS, PRESIDIO_KINDS])
def test_the_maps_lead_to_kinds_of_the_built_in_detectors(table):
    """A policy that labels `personal.name` means the adapters' names as well."""
    assert set(table.values()) <= {kind.name for kind in KINDS}


def test_importing_the_adapters_imports_neither_library():
    """Who does not use Presidio does not need it."""
    code = (
        "import sys, hybridllm.classify.adapters as a;"
        "assert not {'spacy', 'presidio_analyzer', 'tldextract'} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_presidio_says_what_to_install(monkeypatch):
    """One line: which extra it is."""
    from hybridllm.classify.adapters import PresidioDetector
    from hybridllm.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)

    with pytest.raises(MissingExtraError, match=r"hybridllm\[presidio\]"):
        PresidioDetector()
