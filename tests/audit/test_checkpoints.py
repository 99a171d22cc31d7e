"""Signed checkpoints: a stranger checks the log without a secret."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from hybridllm.audit import log as log_module
from hybridllm.audit import signing
from hybridllm.audit.log import Rhythm
from hybridllm.audit.reading import Keys
from hybridllm.audit.signing import load_signing_key, read_public_keys
from hybridllm.audit.verify import verify_segment
from hybridllm.errors import AuditError, ConfigurationError, MissingExtraError
from tests.audit.reading import (
    KEY,
    inspected,
    intent,
    log_in,
    public_key,
    records,
    segments,
    verified,
)

pytest.importorskip("cryptography")


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return the log's directory, which does not exist yet."""
    return tmp_path / "audit"


def events(folder: Path) -> list[str]:
    return [record["event"] for record in records(folder)]


def test_a_checkpoint_comes_after_so_many_lines(folder):
    """Whoever trusts checkpoints alone never trusts more than that many lines blindly."""
    log = log_in(folder, rhythm=Rhythm(checkpoint_lines=3, checkpoint_s=1e9))
    for number in range(7):
        log.write(intent(number))
    log.close()

    assert "start intent intent intent checkpoint intent intent intent checkpoint intent stop" == (
        " ".join(events(folder))
    )
    assert inspected(folder).valid


def test_a_checkpoint_comes_after_so_many_seconds(folder, monkeypatch):
    """A quiet log is signed as well."""
    now = [0.0]
    monkeypatch.setattr("hybridllm.audit.segment.time.monotonic", lambda: now[0])
    log = log_in(folder, rhythm=Rhythm(checkpoint_lines=100, checkpoint_s=60.0))
    log.note(intent(1))
    now[0] = 61.0
    log.note(intent(2))
    log.note(intent(3))

    assert ["start", "intent", "intent", "checkpoint", "intent"] == events(folder)


def test_a_checkpoint_names_the_policies_since_the_one_before(folder):
    """An auditor sees under which policies the lines were decided."""
    log = log_in(folder, rhythm=Rhythm(checkpoint_lines=2, checkpoint_s=1e9))
    for policy in ("a", "b", "b", "c"):
        log.note(intent(1, policy=policy))

    named = [record["policies"] for record in records(folder) if record["event"] == "checkpoint"]
    assert [["a", "b"], ["b", "c"]] == named


def test_the_key_alone_shows_a_stranger_that_every_line_is_whole(folder):
    """The public key is all that an outsider needs."""
    log = log_in(folder)
    for number in range(5):
        log.write(intent(number))
    log.close()

    (checked,) = inspected(folder, stranger=True).segments
    assert (7, 7, "", True) == (checked.lines, checked.covered, checked.fault, checked.closed)


def test_lines_that_nobody_signed_yet_are_counted(folder):
    """A stranger learns how far the signatures reach."""
    log = log_in(folder)
    for number in range(5):
        log.write(intent(number))

    (checked,) = inspected(folder, stranger=True).segments
    assert (6, 1) == (checked.lines, checked.covered)


def test_a_killed_segment_is_vouched_for_by_the_next_one(folder):
    """After a crash the next start signs what is there."""
    killed = log_in(folder)
    killed.write(intent(1))
    killed._segment.close()
    log = log_in(folder)
    log.write(intent(2))
    log.close()

    first, second = inspected(folder, stranger=True).segments
    assert (2, 2, False) == (first.lines, first.covered, first.closed)
    assert (False,) == tuple(link.closed for link in second.ended)
    assert inspected(folder).valid


def test_another_installations_key_verifies_nothing(folder, tmp_path):
    """A log that somebody wrote anew with a key of his own is not taken for ours."""
    log = log_in(folder)
    log.write(intent(1))
    log.close()
    other = load_signing_key(tmp_path / "other.pem").public

    checked = verify_segment(segments(folder)[0], public_keys=(other,))

    assert "the checkpoint in line 1 is signed by another key" == checked.fault


def test_nothing_can_be_verified_without_any_key(folder):
    """A check that would check nothing is an error."""
    with pytest.raises(ValueError, match="without a key"):
        verify_segment(folder / "x")


def test_the_key_pair_is_made_once_and_for_its_owner_alone(folder):
    """Whoever reads the log cannot sign it."""
    log_in(folder).write(intent(1))
    log_in(folder).write(intent(2))

    path = folder.parent / "signing.pem"
    assert 1 == len({record["signer"] for record in records(folder) if "signer" in record})
    assert [path.name] == [item.name for item in path.parent.glob("*.pem*")]
    if sys.platform != "win32":
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_a_public_key_goes_through_a_file(folder, tmp_path):
    """The exported key is the one that checks; what is none says so."""
    log_in(folder).write(intent(1))
    key = public_key(folder)
    exported = tmp_path / "公開鍵.pem"
    exported.write_text(key.pem, encoding="ascii")

    assert [key.id] == [item.id for item in read_public_keys([exported])]
    for data in (b"", b"nonsense", (folder.parent / "signing.pem").read_bytes()):
        exported.write_bytes(data)
        with pytest.raises(ConfigurationError, match="no Ed25519 public key"):
            read_public_keys([exported])


def test_a_damaged_key_pair_stops_the_request(folder):
    """No record goes unsigned because a file broke."""
    (folder.parent / "signing.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----\n")

    with pytest.raises(AuditError, match="damaged; nothing was sent"):
        log_in(folder).write(intent(1))


def test_a_key_never_shows_itself(folder):
    """A debugger shows no secret."""
    log_in(folder).write(intent(1))
    key = load_signing_key(folder.parent / "signing.pem")

    assert f"SigningKey({key.public.id!r})" == repr(key)
    assert KEY.hex() not in repr(Keys(KEY))
    assert repr(KEY) not in repr(Keys(KEY))


def test_without_the_package_the_log_is_kept_unsigned(folder, tmp_path, monkeypatch):
    """A missing extra stops no request; a stranger is told that nobody signed."""
    key = load_signing_key(tmp_path / "other.pem").public
    monkeypatch.setattr(log_module, "can_sign", lambda: False)
    log = log_in(folder)
    log.write(intent(1))
    log.close()

    (checked,) = verified(folder)
    assert (True, 0) == (checked.valid, checked.covered)
    assert {None} == {record["signer"] for record in records(folder) if "signer" in record}
    stranger = verify_segment(segments(folder)[0], public_keys=(key,))
    assert "the checkpoint in line 1 is signed by nobody" == stranger.fault


def test_without_the_package_checking_a_signature_says_what_to_install(tmp_path, monkeypatch):
    """The error names the extra."""
    monkeypatch.setattr(signing, "can_sign", lambda: False)

    with pytest.raises(MissingExtraError, match=r"hybridllm\[audit\]"):
        read_public_keys([tmp_path / "key.pem"])
    with pytest.raises(MissingExtraError, match=r"hybridllm\[audit\]"):
        load_signing_key(tmp_path / "key.pem")
