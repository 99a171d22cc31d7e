"""Ask what would happen, and send nothing.

Shows: `explain` takes the arguments of `create`; findings say kind and place, never the value.
Needs: nothing.
Prints: the label, the findings, the candidates and the reasons against the others.
"""

from __future__ import annotations

from _configuration import write_configuration

from hybridllm.testing import client_for_tests

with client_for_tests(write_configuration()) as client:
    plan = client.chat.completions.explain(
        model="assistant",
        messages=[{"role": "user", "content": "Send it to hanako.sato@example-trading.co.jp"}],
    )

print(plan.decision.label)
for finding in plan.findings:
    print(f"{finding.kind} at {finding.path}, characters {finding.start} to {finding.end}")
print("may go to:", [candidate.backend for candidate in plan.decision.candidates])
for rejection in plan.decision.rejected:
    for reason in rejection.reasons:
        print(f"not {rejection.backend}: {reason.message}")
