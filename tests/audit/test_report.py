"""A statement about the log, which a stranger checks with one public key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hybridllm.audit.reading import Keys
from hybridllm.audit.report import Claim, is_proven, report
from hybridllm.audit.search import Threshold
from hybridllm.audit.signing import load_signing_key
from hybridllm.audit.statement import (
    is_signed,
    missing_segments,
    read_statement,
    signed_statement,
)
from hybridllm.audit.times import span
from hybridllm.errors import ConfigurationError
from tests.audit.reading import KEY, intent, log_in, public_key, segments, ticking

pytest.importorskip("cryptography")

NOW = "2026-06-01T00:00:00.000000Z"


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return a log of three days, one segment each."""
    folder = tmp_path / "audit"
    for day in (1, 2, 3):
        log = log_in(folder, clock=ticking(f"2026-01-0{day}T12:00:00+00:00"))
        log.write(intent(day, level="internal", policy=f"{day}" * 64))
        log.write(intent(day, level="confidential", place="on_premises", policy="d" * 64))
        log.write({**intent(day, level="confidential"), "event": "denied"})
        log.close()
    return folder


def stated(
    folder: Path,
    *,
    level: str = "confidential",
    since: str = "2026-01-01",
    until: str = "2026-01-31",
    now: str = NOW,
) -> dict:
    """Return a signed statement about a log."""
    claim = Claim(Threshold(level), "cloud", span(since, until=until))
    keys = Keys(KEY, (public_key(folder),))
    signer = load_signing_key(folder.parent / "signing.pem")
    return signed_statement(report(folder, claim=claim, keys=keys, now=now), signer=signer)


def test_that_nothing_confidential_reached_a_cloud_is_shown(folder):
    """The sentence that a compliance officer needs, with what speaks for it."""
    made = stated(folder)

    assert is_proven(made)
    assert is_signed(made, keys=(public_key(folder),))
    assert {"on_premises": 3, "nowhere": 3} == made["at_or_above"]
    assert [3, 3, 3] == [item["count"] for item in made["counts"]]
    assert [5, 5, 5] == [item["signed_lines"] for item in made["segments"]]
    assert [] == made["gaps"]


def test_the_policies_of_that_time_are_named(folder):
    """Under which policy version, from when until when."""
    made = stated(folder, since="2026-01-02", until="2026-01-02")

    assert {"2" * 64: 1, "d" * 64: 1, "ab" * 32: 1} == {
        item["digest"]: item["decisions"] for item in made["policies"]
    }
    assert all("2026-01-02" < item["first"] <= item["last"] for item in made["policies"])
    assert [2] == [item["number"] for item in made["segments"]]


def test_a_request_that_did_reach_a_cloud_is_stated(folder):
    """The statement never says more than the log."""
    made = stated(folder, level="internal")

    assert not made["holds"]
    assert made["complete"]
    assert not is_proven(made)
    assert 3 == made["at_or_above"]["cloud"]


def test_a_missing_segment_is_a_gap_of_its_own_time_alone(folder):
    """A log that lost a day proves nothing about that day, and all about the others."""
    segments(folder)[1].unlink()

    (gap,) = stated(folder)["gaps"]
    assert gap.startswith("segment 2 (")
    assert is_proven(stated(folder, since="2026-01-03", until="2026-01-03"))
    assert not is_proven(stated(folder, since="2026-01-02", until="2026-01-02"))


def test_a_changed_line_is_a_gap(folder):
    """Nothing is proven by a log that was changed."""
    path = segments(folder)[0]
    path.write_bytes(path.read_bytes().replace(b'"place":"cloud"', b'"place":"other"', 1))

    made = stated(folder)
    assert not made["complete"]
    assert not is_proven(made)


def test_a_time_that_has_not_passed_proves_nothing(folder):
    """Nobody signs what may still happen."""
    assert not is_proven(stated(folder, until="2026-01-31", now="2026-01-20T00:00:00.000000Z"))


def test_labels_compare_by_the_scale_of_their_own_time(tmp_path):
    """A level that was renamed or moved does not turn an old record into a new one."""
    folder = tmp_path / "audit"
    log = log_in(folder, levels=("open", "confidential", "internal"))
    log.write(intent(1, level="internal"))
    log.close()

    assert {"cloud": 1} == stated(folder)["at_or_above"]


def test_a_label_without_a_scale_is_a_gap(tmp_path):
    """What cannot be compared counts as above, and is said."""
    folder = tmp_path / "audit"
    log = log_in(folder, levels=("public", "internal"))
    log.write(intent(1, level="public"))
    log.close()

    made = stated(folder)
    assert not made["holds"]
    assert "cannot compare" in made["gaps"][0]


@pytest.mark.parametrize("member", ["holds", "complete", "claim", "gaps", "segments", "made"])
def test_a_statement_that_was_changed_is_not_signed(folder, member):
    """Every member is under the signature, and a new one as well."""
    made = stated(folder)
    keys = (public_key(folder),)

    assert not is_signed({**made, member: "other"}, keys=keys)
    assert not is_signed({**made, "more": 1}, keys=keys)
    assert not is_signed({key: made[key] for key in made if key != member}, keys=keys)


@pytest.mark.parametrize("signature", ["", None, 5, "=", "AAAA", "é", "A" * 88])
def test_a_statement_with_a_wrong_signature_is_not_signed(folder, signature):
    """Nonsense in its place crashes nothing."""
    made = {**stated(folder), "signature": signature}

    assert not is_signed(made, keys=(public_key(folder),))


def test_a_line_of_the_log_is_no_statement(folder, tmp_path):
    """What was signed for another purpose cannot be passed off."""
    file = tmp_path / "line.json"
    file.write_bytes(segments(folder)[0].read_bytes().splitlines()[0])

    with pytest.raises(ConfigurationError, match="holds no statement"):
        read_statement(file)


def test_a_statement_survives_a_file(folder, tmp_path):
    """A stranger gets a file, however it was indented."""
    made = stated(folder)
    file = tmp_path / "証明.json"
    file.write_text(json.dumps(made, ensure_ascii=True, indent=7), encoding="utf-8")

    assert is_signed(read_statement(file), keys=(public_key(folder),))


def test_without_a_signer_a_statement_says_so(folder):
    """An unsigned statement is for the house alone."""
    made = signed_statement(stated(folder), signer=None)

    assert ("", None) == (made["signature"], made["signer"])
    assert not is_signed(made, keys=(public_key(folder),))


def test_a_statement_bears_witness_to_the_log(folder):
    """Newest segments that are taken away, with a head that fits, are found by an old statement."""
    old_head = (folder / "head.json").read_bytes()
    log = log_in(folder, clock=ticking("2026-01-04T12:00:00+00:00"))
    log.write(intent(4))
    log.close()
    made = stated(folder)
    newest = segments(folder)[-1]

    assert [] == missing_segments(made, directory=folder)
    newest.unlink()
    (folder / "head.json").write_bytes(old_head)

    assert [newest.name] == missing_segments(made, directory=folder)


def test_a_statement_about_an_open_segment_stays_right(tmp_path):
    """Lines that come later do not make an old statement wrong; a change does."""
    folder = tmp_path / "audit"
    log = log_in(folder)
    log.write(intent(1))
    made = stated(folder)
    log.write(intent(2))
    log.close()

    assert [] == missing_segments(made, directory=folder)
    path = segments(folder)[0]
    path.write_bytes(path.read_bytes().replace(b"c1", b"c9"))
    assert [path.name] == missing_segments(made, directory=folder)
