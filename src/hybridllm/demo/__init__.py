"""The demo: the whole product on one machine, with made-up requests.

Answers: what does the product do, shown with a cloud that records every byte?
Not here: anything that the product itself needs; nothing imports this package
but the command line.

`fetch` gets a small model, `llama` runs it, `cloud` stands in for a cloud API and
records all that it receives, `story` holds the requests, `run` plays them,
`screen` shows it, and `leak` searches the recording.
"""

from __future__ import annotations

from hybridllm.errors import ConfigurationError

__all__ = ["DemoError"]


class DemoError(ConfigurationError):
    """The demo cannot be played as this machine is set up; the message says what to do."""
