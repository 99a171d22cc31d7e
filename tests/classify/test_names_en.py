"""English names: a short look first never hides what the long look would find."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hybridllm.classify.detectors.names_en import _ROLE_BEFORE, _has_role

WORDS = st.sampled_from(
    """
    my our his the new old co-worker coworker neighbour neighbor candidate patient policy holder
    policyholder account holder insured caller hired met with spoke to speak talked reply letter
    for reference card behalf of named signed by assigned written sent approved prepared i, i am
    I'm This is email Ask TELL boss son daughter lead contact Aaa x-y
    """.split()
)


@given(words=st.lists(WORDS, max_size=6), end=st.sampled_from([" ", ", ", ": ", "", "  ", ","]))
def test_the_short_look_misses_nothing(words, end):
    """Speed costs no finding."""
    head = " ".join(words) + end

    assert (_ROLE_BEFORE.search(head) is not None) == _has_role(head)
