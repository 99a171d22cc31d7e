"""`hybridllm policy test`: do the decisions come out as the files say?

Answers: which tests of the files pass, and in what do the others differ?
Not here: what a test may say (`policy.expectations`), the decision (`hybridllm.flow`).

Nothing is sent. Results name tests and differences, never the text of a request.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from hybridllm import flow
from hybridllm.cli import status
from hybridllm.cli.policy_opening import Opened, open_policy
from hybridllm.cli.terminal import make_console, without_commands, write_json
from hybridllm.cli.texts import read_text
from hybridllm.errors import ConfigurationError, RequestError
from hybridllm.params import ENDPOINTS
from hybridllm.policy.expectations import PolicyTest, mismatches
from hybridllm.runtime import Call
from hybridllm.types import Identity

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Result:
    """How one test went.

    Attributes:
        test: The test.
        failures: In what the decision differs; empty if it passed.
        duration_s: How long it took.
    """

    test: PolicyTest
    failures: tuple[str, ...]
    duration_s: float

    @property
    def file(self) -> str:
        """The file that the test stands in."""
        return self.test.origin.rpartition(": ")[0]


def run(args: argparse.Namespace) -> int:
    """Run the tests, show the results and return the exit status."""
    opened = open_policy(args.config)
    wanted = [
        test
        for test in opened.tests
        if args.department is None or test.department == args.department
    ]
    results = [run_test(test, opened=opened) for test in wanted]
    if args.junit is not None:
        _write_junit(Path(args.junit), results)
    if args.json:
        write_json(_document(results))
    else:
        _show(make_console(), results)
    passed = bool(results) and not any(result.failures for result in results)
    return status.OK if passed else status.REFUSED


def run_test(test: PolicyTest, *, opened: Opened) -> Result:
    """Judge the request of a test as the flow does, and compare."""
    start = time.perf_counter()
    try:
        explanation = flow.explain(call_of(test, opened=opened), opened.runtime)
    except RequestError as error:
        failures: tuple[str, ...] = (f"the request cannot be judged: {error}",)
    else:
        failures = mismatches(test, decision=explanation.decision)
    return Result(test, failures, time.perf_counter() - start)


def call_of(test: PolicyTest, *, opened: Opened) -> Call:
    """Return the call that a test describes.

    Raises:
        RequestError: Its file cannot be read.
    """
    content = test.content if test.file is None else read_text(str(opened.folder / test.file))
    params: dict[str, Any] = {"model": test.alias or next(iter(opened.policy.aliases))}
    if test.endpoint == "chat.completions":
        is_text = isinstance(content, str)
        params["messages"] = [{"role": "user", "content": content}] if is_text else content
    else:
        params["input"] = content
    return Call(
        endpoint=ENDPOINTS[test.endpoint],
        params=params,
        identity=Identity(test.department, test.principal, test.purpose, test.application),
        label=test.label,
    )


def _document(results: Sequence[Result]) -> dict[str, Any]:
    return {
        "passed": sum(not result.failures for result in results),
        "failed": sum(bool(result.failures) for result in results),
        "tests": [
            {
                "name": result.test.name,
                "origin": result.test.origin,
                "department": result.test.department or None,
                "passed": not result.failures,
                "failures": list(result.failures),
            }
            for result in results
        ],
    }


def _show(console: Console, results: Sequence[Result]) -> None:
    for file, group in groupby(results, key=lambda result: result.file):
        console.print(without_commands(file), style="bold")
        for result in group:
            name = without_commands(result.test.name)
            if not result.failures:
                console.print(f"  ok    {name}", soft_wrap=True)
                continue
            console.print(f"  FAIL  {name}", style="bold red", soft_wrap=True)
            for failure in result.failures:
                console.print(f"        {failure}", soft_wrap=True)
    failed = sum(bool(result.failures) for result in results)
    if not results:
        console.print("no tests; write some under [[tests]]", style="bold red")
    else:
        console.print(f"{len(results) - failed} passed, {failed} failed", style="bold")


def _write_junit(path: Path, results: Sequence[Result]) -> None:
    """Write the results in the form that build servers read.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    root = ET.Element("testsuites", name="hybridllm policy test")
    for file, group in groupby(results, key=lambda result: result.file):
        suite = list(group)
        failed = sum(bool(result.failures) for result in suite)
        element = ET.SubElement(
            root, "testsuite", name=file, tests=str(len(suite)), failures=str(failed), errors="0"
        )
        for result in suite:
            case = ET.SubElement(
                element,
                "testcase",
                name=without_commands(result.test.name),
                classname=file,
                time=f"{result.duration_s:.6f}",
            )
            if result.failures:
                text = without_commands("\n".join(result.failures))
                failure = ET.SubElement(
                    case, "failure", message=without_commands(result.failures[0])
                )
                failure.text = text
    try:
        ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise ConfigurationError(f"cannot be written ({error.strerror})", file=str(path)) from None
