"""A glossary decides about labels and answers, so it is signed where signatures are demanded."""

from __future__ import annotations

import os

import pytest

from hybridllm import HybridLLM
from hybridllm.audit.signing import make_signing_key
from hybridllm.cli import main
from hybridllm.config.signatures import KEYS_VARIABLE
from hybridllm.config.start import open_config
from hybridllm.errors import ConfigurationError
from tests.leaks.setting import write_config

pytest.importorskip("cryptography")

STORE = """
[vector_stores.handbook]
embedder = "none"
[vector_stores.handbook.glossaries]
all = "glossary.toml"
"""
GLOSSARY = 'version = 1\nlabel = "public"\n[[terms]]\npreferred = "oil"\nforbidden = ["grease"]\n'


def test_a_glossary_that_was_changed_stops_the_start(tmp_path):
    """Whoever may write a word list may not change what is signed."""
    file = write_config(tmp_path, cloud=9, on_premises=10, more=STORE)
    glossary = tmp_path / "glossary.toml"
    glossary.write_text(GLOSSARY, encoding="utf-8")
    pair = make_signing_key(tmp_path / "key.pem")
    public = tmp_path / "key.pub.pem"
    public.write_text(pair.public.pem, encoding="ascii")
    assert 0 == main(["policy", "sign", "--config", str(file), "--key", str(tmp_path / "key.pem")])
    environment = {KEYS_VARIABLE: os.pathsep.join([str(public)])}
    open_config(file, environment=environment).close_stores()

    glossary.write_text(GLOSSARY.replace("grease", "fat"), encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"glossary\.toml"):
        open_config(file, environment=environment)


def test_a_glossary_that_changes_asks_for_a_restart(tmp_path):
    """A reload that would leave the old words in force is refused, and says why."""
    file = write_config(tmp_path, cloud=9, on_premises=10, more=STORE)
    glossary = tmp_path / "glossary.toml"
    glossary.write_text(GLOSSARY, encoding="utf-8")
    with HybridLLM(config=file) as client:
        glossary.write_text(GLOSSARY.replace('"public"', '"confidential"'), encoding="utf-8")

        with pytest.raises(ConfigurationError, match=r"glossary\.toml: .*Restart the program"):
            client.reload()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with names")
def test_a_pipe_is_no_glossary(tmp_path):
    """What says something else each time cannot be signed, so it is not read."""
    file = write_config(tmp_path, cloud=9, on_premises=10, more=STORE)
    os.mkfifo(tmp_path / "glossary.toml")

    with pytest.raises(ConfigurationError, match=r"glossary\.toml.*no file"):
        HybridLLM(config=file)
