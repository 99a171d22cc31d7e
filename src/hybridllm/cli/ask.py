"""`hybridllm ask`: one question, sent where the policy lets it go.

Answers: how is a single question asked from a terminal or a script?
Not here: what becomes of it (`hybridllm.flow`).

The reply goes to standard output and nothing else does, so that it can be piped; where
it came from, and why, is a line on standard error.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from hybridllm.cli import status
from hybridllm.cli.calls import add_call_options, chosen_model, open_client, read_messages
from hybridllm.cli.decisions import decision_document, one_line
from hybridllm.cli.terminal import write_json, write_text

if TYPE_CHECKING:
    import argparse

    from hybridllm.client import HybridLLM
    from hybridllm.resources.replies import ChatCompletion
    from hybridllm.types import PolicyDecision


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "ask",
        help="send one question where the policy lets it go",
        description="Send one question where the policy lets it go. The reply goes to standard"
        " output; where it came from, and why, goes to standard error.",
    )
    add_call_options(parser)
    parser.add_argument("--stream", action="store_true", help="show the reply while it is written")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask, show the reply and return the exit status."""
    messages = read_messages(args)
    with open_client(args) as client:
        model = chosen_model(client, named=args.model)
        if args.stream and not args.json:
            _show(_streamed(client, model=model, messages=messages))
            return status.OK
        reply = client.chat.completions.create(model=model, messages=messages)
    if args.json:
        document = {"text": _text(reply), "reply": reply.model_dump(mode="json")}
        write_json({**document, "policy_decision": decision_document(reply.policy_decision)})
    else:
        write_text(f"{_text(reply)}\n")
        _show(reply.policy_decision)
    return status.OK


def _streamed(client: HybridLLM, *, model: str, messages: list[Any]) -> PolicyDecision:
    """Write the reply as it comes, and return the decision."""
    with client.chat.completions.create(
        model=model,
        messages=messages,
        stream=True,
    ) as stream:
        for chunk in stream:
            for choice in chunk.choices or ():
                if choice.index == 0 and choice.delta.content:
                    write_text(choice.delta.content)
        write_text("\n")
        return stream.policy_decision


def _text(reply: ChatCompletion) -> str:
    """Return what was said; of a reply that only calls tools, nothing."""
    if not reply.choices:
        return ""
    message = reply.choices[0].message
    return message.content or message.refusal or ""


def _show(decision: PolicyDecision) -> None:
    print(one_line(decision), file=sys.stderr)
