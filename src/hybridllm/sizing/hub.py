"""A model's facts from a model hub, when the user asks for it.

Answers: what do `config.json` and the head of the weights on a hub say?
Not here: anything else on the network. Nothing in `hybridllm.sizing` calls this module by itself.

Two small requests: the configuration, and either the first bytes of `model.safetensors` (its
header) or the index of a checkpoint in several files (its total). What leaves is the model's name;
no token is sent.
"""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from hybridllm.sizing.checkpoint import bytes_by_role, parse_header, with_exact_bytes
from hybridllm.sizing.errors import FactsError
from hybridllm.sizing.from_config import shape_from_config
from hybridllm.sizing.shape import ModelShape
from hybridllm.sizing.weights import weights_bytes

if TYPE_CHECKING:
    import httpx2

HUB_URL: Final = "https://huggingface.co"
_HEADER_WINDOW: Final = 1 << 20
_LONGEST_JSON: Final = 16 << 20


def fetch_shape(
    model_id: str, *, base_url: str = HUB_URL, revision: str = "main", timeout_s: float = 20.0
) -> ModelShape:
    """Return the shape of a model on a hub, with exact bytes where the hub serves them.

    Args:
        model_id: `owner/name`.
        base_url: The hub; a company's mirror works as well.
        revision: Branch, tag or commit.
        timeout_s: Patience for each request.

    Raises:
        FactsError: The name is not `owner/name`, the hub does not answer, or an answer cannot be
        read.
    """
    import httpx2

    if model_id.count("/") != 1 or ".." in model_id:
        raise FactsError(f"'{model_id}' is not a hub name; expected owner/name.")
    root = f"{base_url.rstrip('/')}/{model_id}/resolve/{revision}"
    try:
        with httpx2.Client(timeout=timeout_s, follow_redirects=True) as client:
            config = _json(client, f"{root}/config.json", model_id)
            shape = shape_from_config(config, name=model_id)
            return _exact(client, root, shape)
    except httpx2.HTTPError as error:
        raise FactsError(f"{model_id}: the hub did not answer ({type(error).__name__}).") from None


def _exact(client: httpx2.Client, root: str, shape: ModelShape) -> ModelShape:
    head = client.get(
        f"{root}/model.safetensors", headers={"Range": f"bytes=0-{_HEADER_WINDOW - 1}"}
    )
    if head.status_code in (200, 206) and len(head.content) >= 8:
        length = struct.unpack("<Q", head.content[:8])[0]
        if length + 8 <= len(head.content):
            entries = parse_header(head.content[8 : 8 + length], name=shape.name)
            return with_exact_bytes(
                shape, by_role=bytes_by_role(entries), source="safetensors header on the hub"
            )
    index = client.get(f"{root}/model.safetensors.index.json")
    if index.status_code != 200:
        return replace(shape, source="config.json on the hub")
    try:
        total = int(json.loads(index.content[:_LONGEST_JSON])["metadata"]["total_size"])
    except (ValueError, KeyError, TypeError):
        raise FactsError(f"{shape.name}: the checkpoint's index has no total_size.") from None
    counted = weights_bytes(shape)
    note = f"the index totals {total:,} bytes, counting gives {counted:,}"
    return replace(
        shape, source="config.json and index on the hub", assumptions=(*shape.assumptions, note)
    )


def _json(client: httpx2.Client, url: str, model_id: str) -> dict[str, object]:
    reply = client.get(url)
    if reply.status_code in (401, 403):
        raise FactsError(
            f"{model_id}: the hub asks for a login (gated model). "
            "Download config.json and pass its folder."
        )
    if reply.status_code != 200:
        raise FactsError(f"{model_id}: the hub answered {reply.status_code} for config.json.")
    if len(reply.content) > _LONGEST_JSON:
        raise FactsError(f"{model_id}: config.json is larger than {_LONGEST_JSON} bytes.")
    try:
        parsed = json.loads(reply.content)
    except ValueError:
        raise FactsError(f"{model_id}: config.json on the hub is not JSON.") from None
    if not isinstance(parsed, dict):
        raise FactsError(f"{model_id}: config.json on the hub is not a table.")
    return parsed
