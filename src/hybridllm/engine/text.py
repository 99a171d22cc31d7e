"""Text from tokens, piece by piece.

Answers: which text may be shown now, and has a stop string been met?
Not here: choosing tokens (`engine.sampling`).

Text is held back while it may still turn into a stop string (at most the length of the longest
one, less a character) or ends in the middle of a UTF-8 character.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

# Tokens that may be waited for to complete one character: UTF-8 needs 4 bytes, some
# tokenizers spend a token on each, and a run of broken bytes must not wait for ever.
_LONGEST_CHARACTER = 8
_UNREADABLE = "\ufffd"


class TextStream:
    """Turns the tokens of one answer into text.

    Args:
        decode: Returns the text of some tokens, special ones left out.
        stops: Strings that end the answer and are not part of it.
    """

    __slots__ = ("_decode", "_held", "_ids", "_known", "_prefix", "_stops", "stopped")

    def __init__(
        self, decode: Callable[[Sequence[int]], str], *, stops: Sequence[str] = ()
    ) -> None:
        self.stopped = False
        self._decode = decode
        self._stops = tuple(stops)
        self._ids: list[int] = []
        self._prefix = 0  # where decoding starts: a little before, since spaces depend on it
        self._known = 0  # tokens whose text has been taken
        self._held = ""

    def push(self, token: int) -> str:
        """Add a token; return the text that is final now."""
        self._ids.append(token)
        waits = len(self._ids) - self._known < _LONGEST_CHARACTER
        return self._release(self._take(partial=not waits), last=False)

    def finish(self) -> str:
        """Return the rest of the text. Nothing may be pushed after it."""
        return "" if self.stopped else self._release(self._take(partial=True), last=True)

    def _take(self, *, partial: bool) -> str:
        """Decode what is new; an unfinished character only where `partial`."""
        before = self._decode(self._ids[self._prefix : self._known])
        now = self._decode(self._ids[self._prefix :])
        if len(now) <= len(before) or (now.endswith(_UNREADABLE) and not partial):
            return ""
        self._prefix, self._known = self._known, len(self._ids)
        return now[len(before) :]

    def _release(self, new: str, *, last: bool) -> str:
        text = self._held + new
        found = [place for place in (text.find(stop) for stop in self._stops) if place >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = 0 if last else max((_overlap(text, stop=stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _overlap(text: str, *, stop: str) -> int:
    """Return how many characters at the end of `text` may be the start of `stop`."""
    longest = min(len(stop) - 1, len(text))
    return next((size for size in range(longest, 0, -1) if text.endswith(stop[:size])), 0)
