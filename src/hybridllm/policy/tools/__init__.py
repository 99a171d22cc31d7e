"""Tools around a policy: what it says of whom, what is odd in it, what a change would do.

Answers: which question about a policy is answered in which module?
Not here: deciding. Every tool is handed the decision as a function, so that what it
says is what a request would meet, and nothing is decided in two places.

    effective   what is in force for one department, line by line, with its origin
    lint        rules and entries that do nothing, or together do too much
    diff        the requests that two policies treat differently
    remedy      what would have to change for a backend to become possible
    replay      what a policy would have done with recorded requests
    space       the requests that have to be looked at so that nothing is missed
"""

from __future__ import annotations

from collections.abc import Callable

from hybridllm.policy.model import Policy
from hybridllm.types import Facts, PolicyDecision

Decide = Callable[[Policy, Facts], PolicyDecision]
"""The decision, as `hybridllm.flow` makes it for each request."""
