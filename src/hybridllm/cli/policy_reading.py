"""`hybridllm policy explain`, `show` and `lint`: understanding one policy.

Answers: why is a text treated like this and what would change it, what is in force for a
department, and what is odd?
Not here: finding that out (`hybridllm.policy.tools`).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hybridllm import flow
from hybridllm.cli import status
from hybridllm.cli.calls import read_messages
from hybridllm.cli.decisions import explanation_document
from hybridllm.cli.policy_opening import Opened, decide, open_policy
from hybridllm.cli.terminal import make_console, make_table, write_json
from hybridllm.errors import ConfigurationError, RequestError, expected_one_of
from hybridllm.params import ENDPOINTS
from hybridllm.policy.tools.effective import Line, effective_lines
from hybridllm.policy.tools.lint import lint
from hybridllm.policy.tools.remedy import Remedy, remedy
from hybridllm.policy.trial import REPORT
from hybridllm.runtime import Call
from hybridllm.types import Facts, Identity

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from hybridllm.types import Explanation, Reason

_ENDPOINT = "chat.completions"


def explain(args: argparse.Namespace) -> int:
    """Say why a text is treated as it is and what would change that."""
    opened = open_policy(args.config)
    call = _call(args, opened=opened)
    explanation = flow.explain(call, opened.runtime)
    facts = _facts(call, explanation, opened=opened)
    remedies = [
        remedy(opened.policy, facts=facts, rejection=rejection, decide=decide)
        for rejection in explanation.decision.rejected
    ]
    if args.json:
        changes = [_remedy_document(item) for item in remedies]
        write_json({**explanation_document(explanation), "what_would_have_to_change": changes})
    else:
        _show_explanation(make_console(), explanation, remedies=remedies)
    return status.OK if explanation.decision.candidates else status.REFUSED


def show(args: argparse.Namespace) -> int:
    """Show what is in force for a department, with the origin of each line."""
    opened = open_policy(args.config)
    name = args.effective
    if name not in opened.policy.departments:
        found = expected_one_of(name, allowed=opened.policy.departments)
        raise ConfigurationError(f"the department {found}")
    lines = _effective_lines(opened, department=name)
    if args.json:
        write_json(
            [
                {
                    "section": line.section,
                    "name": line.name,
                    "value": line.value,
                    "origin": line.origin,
                }
                for line in lines
            ]
        )
        return status.OK
    table = make_table("part", "name", "what is in force", "origin", title=f"department {name}")
    previous = lines[0].section
    for line in lines:
        if line.section != previous:
            table.add_section()
            previous = line.section
        table.add_row(line.section, line.name, line.value, line.origin)
    make_console().print(table)
    return status.OK


def _effective_lines(opened: Opened, *, department: str) -> tuple[Line, ...]:
    """Return what is in force, and the rules that are only reported, marked as such."""
    file = opened.sources.shown
    lines = effective_lines(opened.policy, department=department, file=file)
    reported = [trial.policy for trial in opened.runtime.trials if trial.source == REPORT]
    if not reported:
        return lines
    enforced = {line.origin for line in lines}
    return tuple(
        line
        if line.origin in enforced
        else replace(line, value=f"reported and NOT enforced: {line.value}")
        for line in effective_lines(reported[0], department=department, file=file)
    )


def find_oddities(args: argparse.Namespace) -> int:
    """Show what is odd; exit status 1 if anything is."""
    opened = open_policy(args.config)
    remarks = lint(opened.policy, kinds=opened.kinds, decide=decide, file=opened.sources.shown)
    if args.json:
        write_json(
            [
                {
                    "code": remark.code,
                    "origin": remark.origin,
                    "text": remark.text,
                    "remedy": remark.remedy,
                }
                for remark in remarks
            ]
        )
    else:
        console = make_console()
        for remark in remarks:
            console.print(f"{remark.origin}: {remark.text} [{remark.code}]", soft_wrap=True)
            console.print(f"    {remark.remedy}", soft_wrap=True)
        verdict = f"{len(remarks)} remarks" if remarks else "nothing odd"
        console.print(verdict, style="bold")
    return status.REFUSED if remarks else status.OK


def _call(args: argparse.Namespace, *, opened: Opened) -> Call:
    aliases = opened.policy.aliases
    if args.model is None and len(aliases) > 1:
        named = ", ".join(sorted(aliases))
        raise RequestError(f"no model was named; choose with --model: {named}")
    scale, label = opened.policy.scale, None
    if args.label is not None or args.compartment:
        label = scale.label(args.label or scale.levels[0].name, compartments=args.compartment)
    return Call(
        endpoint=ENDPOINTS[_ENDPOINT],
        params={"model": args.model or next(iter(aliases)), "messages": read_messages(args)},
        identity=Identity(
            args.department or opened.runtime.default_department,
            args.principal or "",
            args.purpose or "",
            args.application or "",
        ),
        label=label,
    )


def _facts(call: Call, explanation: Explanation, *, opened: Opened) -> Facts:
    """Return the facts that led to an explanation. A plain text has no guarded parameters."""
    kinds = Counter(finding.kind for finding in explanation.findings)
    return Facts(
        alias=call.params["model"],
        endpoint=call.endpoint.name,
        identity=call.identity,
        label=call.label or opened.policy.scale.lowest,
        kinds=tuple(sorted(kinds.items())),
        doubts=frozenset(explanation.doubts),
    )


def _remedy_document(item: Remedy) -> dict[str, Any]:
    return {
        "backend": item.backend,
        "model": item.model,
        "obstacle": item.obstacle or None,
        "steps": [{"code": step.code, "name": step.name, "text": step.text} for step in item.steps],
    }


def _show_explanation(
    console: Console, explanation: Explanation, *, remedies: list[Remedy]
) -> None:
    decision = explanation.decision
    console.print(f"label: {decision.label}", style="bold", soft_wrap=True)
    for reason in decision.reasons:
        console.print(f"  {_sentence(reason)}", soft_wrap=True)
    for number, item in enumerate(decision.candidates, start=1):
        choice = "would be asked" if number == 1 else f"would be asked as number {number}"
        console.print(f"\n{item.backend} ({item.model}): {choice}", style="bold", soft_wrap=True)
    for rejection, change in zip(decision.rejected, remedies, strict=True):
        console.print(
            f"\n{rejection.backend} ({rejection.model}): no", style="bold", soft_wrap=True
        )
        for reason in rejection.reasons:
            console.print(f"  because {_sentence(reason)}", soft_wrap=True)
        if change.obstacle:
            console.print(f"  nothing would change that: {change.obstacle}", soft_wrap=True)
            continue
        console.print("  it could, if all of this held:", soft_wrap=True)
        for step in change.steps:
            console.print(f"    - {step.text}", soft_wrap=True)


def _sentence(reason: Reason) -> str:
    return f"{reason.message} [{reason.rule}]" if reason.rule else reason.message
