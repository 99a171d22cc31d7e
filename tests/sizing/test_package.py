"""The public names are there, and come when they are asked for."""

import pytest

from hybridllm import sizing


def test_every_public_name_can_be_had():
    """`from hybridllm.sizing import ...` works for all of them."""
    for name in sizing.__all__:
        assert getattr(sizing, name) is not None


def test_public_names_are_listed():
    """`dir()` shows them before they are loaded."""
    assert set(sizing.__all__) <= set(dir(sizing))


def test_an_unknown_name_is_an_attribute_error():
    """As for any module."""
    with pytest.raises(AttributeError, match="no attribute 'plann'"):
        sizing.plann  # noqa: B018


def test_the_four_lines_of_the_package_docstring_work():
    """What the first lines of the documentation say."""
    model = sizing.load_model("meta-llama/Llama-3.1-8B")
    answer = sizing.plan(model, fleet=sizing.parse_fleet("1xL40S-48GB"))

    assert answer.fits
    assert "weights" == answer.limiting_term
