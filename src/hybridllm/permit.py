"""The permit: leave to send exactly these bytes to exactly this backend, once.

Answers: may this backend send these bytes now?
Not here: whether the policy allows it (`policy.decide`); only `dispatch` issues permits.

A permit is bound to the SHA-256 of the frozen body, to one backend, to the
policy that allowed it and to a deadline. The backend redeems it immediately
before it writes, with the bytes that it is about to write.
"""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest

from hybridllm.errors import PermitError


class Permit:
    """A single-use leave to send one body to one backend.

    Args:
        backend: Name of the backend.
        body: The bytes that may be sent. Only their SHA-256 is kept.
        policy_digest: Digest of the policy that allowed it.
        deadline: Last moment of use, on the clock that the flow uses, in seconds.
    """

    __slots__ = ("_digest", "_unused", "backend", "deadline", "policy_digest")

    def __init__(self, *, backend: str, body: bytes, policy_digest: str, deadline: float) -> None:
        self.backend = backend
        self.policy_digest = policy_digest
        self.deadline = deadline
        self._digest = sha256(body).digest()
        self._unused = [True]

    def redeem(self, *, backend: str, body: bytes, now: float) -> None:
        """Use the permit up.

        Raises:
            PermitError: It was used before, is for another backend, for other
                bytes, or is past its deadline.
        """
        try:
            self._unused.pop()  # one thread wins: list.pop is atomic
        except IndexError:
            raise PermitError("this permit has been used already") from None
        if backend != self.backend:
            raise PermitError(f"the permit is for backend {self.backend!r}, not {backend!r}")
        if not compare_digest(self._digest, sha256(body).digest()):
            raise PermitError("the bytes are not those that the permit was issued for")
        if not now <= self.deadline:  # so that a deadline that is no number has passed
            raise PermitError("the permit is past its deadline")

    def __repr__(self) -> str:
        return f"Permit(backend={self.backend!r})"
