"""Files that must be signed are signed, or nothing starts."""

from __future__ import annotations

import os
import sys

import pytest

from hybridllm import HybridLLM, MissingExtraError
from hybridllm.audit.signing import make_signing_key
from hybridllm.cli import main
from hybridllm.config.signatures import KEYS_VARIABLE
from hybridllm.config.start import open_config
from hybridllm.errors import ConfigurationError
from tests.reload.company import FILE, STAFF, opened, organisation, put, write


@pytest.fixture
def keys(tmp_path):
    """Return a function that makes a key pair by name; it returns the public half's file."""

    def make(name):
        folder = tmp_path / "keys"
        folder.mkdir(exist_ok=True)
        pair = make_signing_key(folder / f"{name}.pem")
        public = folder / f"{name}.pub.pem"
        public.write_text(pair.public.pem, encoding="ascii")
        return str(public)

    return make


@pytest.fixture
def file(tmp_path):
    folder = tmp_path / "company"
    folder.mkdir()
    (folder / "names.csv").write_text("term,group\n東和精機,customer\n", encoding="utf-8")
    return write(folder, text=organisation(more='[detection]\nlexicons = ["names.csv"]\n'))


def sign(file, public, *names):
    """Sign files as their owner does it, on the command line."""
    key = public.replace(".pub.pem", ".pem")
    words = ["policy", "sign", "--config", str(file), "--key", key]
    assert 0 == main([*words, *(str(file.parent / name) for name in names)])


def start(file, *publics):
    open_config(file, environment={KEYS_VARIABLE: os.pathsep.join(publics)}).close_stores()


def refused(file, *publics):
    with pytest.raises(ConfigurationError) as caught:
        start(file, *publics)
    return caught.value


def test_signed_files_start(file, keys):
    """Whoever signs all files can start the client that demands it."""
    owner = keys("owner")
    sign(file, owner)

    start(file, owner)

    with HybridLLM(config=file, trusted_keys=[owner]) as client:
        assert 0 == client.policy_state.reloads


@pytest.mark.parametrize("name", [FILE, STAFF, "names.csv"])
def test_a_missing_signature_stops_the_start(file, keys, name):
    """The message names the file and the command; nothing is started without it."""
    owner = keys("owner")
    sign(file, owner)
    (file.parent / f"{name}.sig").unlink()

    error = refused(file, owner)

    assert name == error.file
    assert "has no signature" in str(error)
    assert "hybridllm policy sign" in str(error)


@pytest.mark.parametrize("name", [FILE, STAFF, "names.csv"])
def test_one_changed_byte_stops_the_start(file, keys, name):
    """An attacker who edits a file cannot make it count, whatever it says."""
    owner = keys("owner")
    sign(file, owner)
    with (file.parent / name).open("ab") as stream:
        stream.write(b"\n")

    error = refused(file, owner)

    assert name == error.file
    assert "does not fit" in str(error)


def test_the_demand_cannot_be_edited_away(file, keys):
    """Nothing that can be written into the files switches the check off."""
    owner = keys("owner")
    sign(file, owner)
    put(file, organisation(more='[state]\ndirectory = "elsewhere"\n'))

    assert FILE == refused(file, owner).file


def test_a_signed_file_does_not_pass_for_another_one(file, keys):
    """A department's own signed file, or a word list, is no other department's file."""
    owner = keys("owner")
    put(file.parent / "departments/legal.toml", 'version = 1\ndefault = "secret"\n')
    sign(file, owner)
    for suffix in ("", ".sig"):
        staff = (file.parent / f"{STAFF}{suffix}").read_text(encoding="utf-8")
        put(file.parent / f"departments/legal.toml{suffix}", staff)

    assert "departments/legal.toml" == refused(file, owner).file


def test_a_department_cannot_be_taken_away(file, keys):
    """Without its strict file a department's requests would be treated like any other."""
    owner = keys("owner")
    put(file.parent / "departments/legal.toml", 'version = 1\ndefault = "secret"\n')
    sign(file, owner)
    for suffix in ("", ".sig"):
        (file.parent / f"departments/legal.toml{suffix}").unlink()

    error = refused(file, owner)

    assert FILE == error.file
    assert "names of the departments" in str(error)


def test_a_stranger_cannot_sign(file, keys):
    """Only the keys count that the service was given."""
    owner, stranger = keys("owner"), keys("stranger")
    sign(file, stranger)

    assert FILE == refused(file, owner).file


def test_a_departments_key_signs_that_departments_file_alone(file, keys):
    """Who answers for a department does not answer for the organisation."""
    owner, staff = keys("owner"), keys("staff")
    sign(file, owner)
    sign(file, staff, STAFF)
    start(file, owner, f"staff={staff}")
    sign(file, staff)
    for name in (FILE, "names.csv"):
        lines = (file.parent / f"{name}.sig").read_text(encoding="ascii").splitlines()
        (file.parent / f"{name}.sig").write_text(lines[1], encoding="ascii")

    assert FILE == refused(file, owner, f"staff={staff}").file


def test_two_owners_may_sign_the_same_file(file, keys):
    """A new key comes before the old one goes."""
    old, new = keys("old"), keys("new")
    sign(file, old)
    sign(file, new)

    start(file, old)
    start(file, new)
    sign(file, new)
    assert 2 == len((file.parent / f"{FILE}.sig").read_text(encoding="ascii").splitlines())


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"ed25519\n", b"ed25519 x y\n", b"a" * 100_000], ids=repr
)
def test_a_damaged_signature_is_none(file, keys, content):
    """Whatever stands in the file of a signature, the start is refused in our words."""
    owner = keys("owner")
    sign(file, owner)
    (file.parent / f"{FILE}.sig").write_bytes(content)

    assert FILE == refused(file, owner).file


def test_a_demand_without_a_key_is_refused(file):
    """An empty variable means that somebody wanted signatures and got something wrong."""
    with pytest.raises(ConfigurationError, match="names no key"):
        open_config(file, environment={KEYS_VARIABLE: ""})
    with pytest.raises(ConfigurationError, match="names no key"):
        HybridLLM(config=file, trusted_keys=[])


def test_a_key_that_is_none_is_refused(file, tmp_path):
    """A file that is missing or holds something else never counts as trust in everybody."""
    other = tmp_path / "other.pem"
    other.write_text("no key", encoding="ascii")

    assert "no Ed25519 public key" in str(refused(file, str(other)))
    assert "cannot be read" in str(refused(file, str(tmp_path / "missing.pem")))


def test_without_the_extra_a_demand_is_refused(file, keys, monkeypatch):
    """Signatures that nobody can check are not passed over."""
    owner = keys("owner")
    sign(file, owner)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    monkeypatch.setattr("hybridllm.audit.signing.can_sign", lambda: False)

    with pytest.raises(MissingExtraError, match=r"hybridllm\[audit\]"):
        start(file, owner)


def test_a_running_client_demands_signatures_too(file, keys):
    """What is reloaded passes the same check as what was started."""
    owner = keys("owner")
    sign(file, owner)
    reloader = opened(file, environment={KEYS_VARIABLE: owner})
    put(file, organisation(cloud="secret"))

    with pytest.raises(ConfigurationError, match="does not fit"):
        reloader.reload()
    sign(file, owner)
    reloader.reload()
    reloader.close()

    assert (1, 1) == (reloader.state.reloads, reloader.state.refusals)


def test_key_and_sign_say_what_they_wrote(file, tmp_path, capsys, monkeypatch):
    """The holder of the key sees its name and where each half is; nothing is written twice."""
    monkeypatch.chdir(tmp_path)
    assert 0 == main(["policy", "key", "owner.pem"])
    first = capsys.readouterr().out

    assert 2 == main(["policy", "key", "owner.pem"])
    assert 2 == main(["policy", "sign", "--config", str(file), "--key", "missing.pem"])
    assert 2 == main(["policy", "sign", "other.csv", "--config", str(file), "--key", "owner.pem"])

    assert "owner.pub.pem" in first
    assert "PRIVATE" not in first
    start_line = (tmp_path / "owner.pub.pem").read_text(encoding="ascii").splitlines()[0]
    assert "-----BEGIN PUBLIC KEY-----" == start_line
