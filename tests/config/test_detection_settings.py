"""What the configuration says of detection is what reads the requests."""

from __future__ import annotations

import pytest

from hybridllm.classify.semantic import Example, train
from hybridllm.config import open_config
from hybridllm.errors import ConfigurationError
from tests.config.writing import ENVIRONMENT, FILE, changed, write

KEY_RULES = """
[[rules]]
id = "example-key"
regex = 'exk_[a-z0-9]{16}'
"""


def found(tmp_path, setting, text):
    """Return the kinds that a client with this setting finds in a text."""
    file = write(tmp_path, changed(FILE, "timeout_s = 5.0", f"timeout_s = 5.0\n{setting}"))
    wiring = open_config(file, environment=ENVIRONMENT)
    classified = wiring.runtime.classifier.classify({"model": "assistant", "messages": [text]})
    wiring.close_stores()
    assert frozenset() == classified.doubts
    return {kind for kind, _ in classified.kinds}


def test_numbers_of_ones_own_are_found_by_their_shape(tmp_path):
    """An organisation knows what its employee numbers look like."""
    setting = '[detection.shapes]\nemployee = "EMP-#####"'

    assert {"shape.employee"} == found(tmp_path, setting, "Leave of EMP-20417 is approved")


def test_keys_of_further_providers_are_found_by_a_rule_file(tmp_path):
    """Rules in gitleaks form can be added without a new release."""
    (tmp_path / "keys.toml").write_text(KEY_RULES, encoding="utf-8")

    kinds = found(tmp_path, 'key_rules = ["keys.toml"]', "use exk_" + "a1b2c3d4" * 2)

    assert "credentials.provider_key" in kinds


def test_a_trained_classifier_takes_part(tmp_path):
    """What is confidential by meaning is learnt from examples, and raises the label."""
    secret = [
        Example(f"merger plan of the board, draft {n}", is_confidential=True) for n in range(24)
    ]
    plain = [Example(f"menu of the canteen, week {n}", is_confidential=False) for n in range(24)]
    train([*secret, *plain], kind="semantic.legal").save(tmp_path / "legal.json")

    kinds = found(tmp_path, 'semantic = ["legal.json"]', "merger plan of the board, draft 99")

    assert "semantic.legal" in kinds


@pytest.mark.parametrize("setting", ["semantic", "key_rules"])
def test_a_file_that_is_missing_stops_the_start(tmp_path, setting):
    """A detector that cannot be loaded is never left out."""
    file = write(
        tmp_path, changed(FILE, "timeout_s = 5.0", f'timeout_s = 5.0\n{setting} = ["none.toml"]')
    )

    with pytest.raises(ConfigurationError, match="none") as caught:
        open_config(file, environment=ENVIRONMENT)

    assert (FILE, f"detection.{setting}[0]") == (caught.value.file, caught.value.key)
