"""`hybridllm explain`: what would happen to a text, and why. Nothing is sent.

Answers: which label does it get, what was found where, and which backends may see it?
Not here: finding and deciding (`hybridllm.flow`), which do the same for a real call.

Exit status: 0 a backend may receive it, 1 none may; others as for every verb.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hybridllm.cli import status
from hybridllm.cli.calls import add_call_options, chosen_model, open_client, read_messages
from hybridllm.cli.decisions import explanation_document
from hybridllm.cli.terminal import make_console, make_table, write_json
from hybridllm.cli.texts import read_request
from hybridllm.errors import RequestError
from hybridllm.params import ENDPOINTS

if TYPE_CHECKING:
    import argparse

    from rich.console import Console
    from rich.table import Table

    from hybridllm.client import HybridLLM
    from hybridllm.types import Explanation, PolicyDecision, Reason

_ENDPOINTS = tuple(ENDPOINTS)


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "explain",
        help="say what would happen to a text, and why; nothing is sent",
        description="Say which label a text gets, what was found in it and where, and which"
        " backends may receive it. Nothing is sent, recorded or remembered, and the text"
        " is not shown. Exit status 1 means that no backend may receive it.",
    )
    add_call_options(parser)
    parser.add_argument(
        "--request", metavar="FILE", help="a whole request as JSON instead of a text; - is stdin"
    )
    parser.add_argument(
        "--endpoint",
        choices=_ENDPOINTS,
        help="what the request is for (default: responses if it has 'input', else chat)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Explain, show it and return the exit status."""
    request = _request(args)
    with open_client(args) as client:
        if args.model is not None or "model" not in request:
            request["model"] = chosen_model(client, named=args.model)
        explanation = _explain(client, endpoint=args.endpoint, request=request)
    if args.json:
        write_json(explanation_document(explanation))
    else:
        _show(make_console(), explanation, model=str(request["model"]))
    return status.OK if explanation.decision.candidates else status.REFUSED


def _request(args: argparse.Namespace) -> dict[str, Any]:
    if args.request is None:
        if args.endpoint in (None, "chat.completions"):
            return {"messages": read_messages(args)}
        return {"input": read_messages(args)[0]["content"]}
    if args.text is not None or args.file:
        raise RequestError("--request is the whole request; remove the text and --file")
    return read_request(args.request)


def _explain(client: HybridLLM, *, endpoint: str | None, request: dict[str, Any]) -> Explanation:
    place: Any = client
    default = "responses" if "input" in request and "messages" not in request else _ENDPOINTS[0]
    for name in (endpoint or default).split("."):
        place = getattr(place, name)
    explanation: Explanation = place.explain(**request)
    return explanation


def _show(console: Console, explanation: Explanation, *, model: str) -> None:
    decision = explanation.decision
    console.print(f"label: {decision.label}", style="bold")
    for reason in decision.reasons:
        console.print(f"  {_sentence(reason)}", soft_wrap=True)
    console.print()
    if explanation.findings:
        console.print(_findings(explanation))
    else:
        console.print("findings: none")
    if explanation.doubts:
        console.print(f"doubts: {', '.join(explanation.doubts)}", soft_wrap=True)
    console.print()
    console.print(_backends(decision))
    console.print(_verdict(decision, model=model), style="bold", soft_wrap=True)


def _findings(explanation: Explanation) -> Table:
    table = make_table("kind", "where", "characters", "confidence", title="findings")
    for finding in explanation.findings:
        span = f"{finding.start}-{finding.end}"
        table.add_row(finding.kind, finding.path or "/", span, f"{finding.confidence:.2f}")
    return table


def _backends(decision: PolicyDecision) -> Table:
    table = make_table("backend", "place", "model", "allowed", "because", title="backends")
    for number, item in enumerate(decision.candidates, start=1):
        choice = "yes" if number == 1 else f"yes, choice {number}"
        table.add_row(item.backend, item.place.value, item.model, choice, "nothing is against it")
    for rejected in decision.rejected:
        reasons = "\n".join(_sentence(reason) for reason in rejected.reasons)
        table.add_row(rejected.backend, rejected.place.value, rejected.model, "no", reasons)
    return table


def _verdict(decision: PolicyDecision, *, model: str) -> str:
    if not decision.candidates:
        return f"{model}: denied; no backend may receive this"
    first = decision.candidates[0]
    return f"{model}: would go to {first.backend} ({first.place.value})"


def _sentence(reason: Reason) -> str:
    return f"{reason.message} [{reason.rule}]" if reason.rule else reason.message
