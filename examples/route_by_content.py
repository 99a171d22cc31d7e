"""The same program, two questions, two places.

Shows: ordinary text goes to the cloud, marked text to the engine on the premises.
Needs: nothing; both backends are echoes. Replace `client_for_tests` by `HybridLLM` for real ones.
Prints: where each question went, and why.
"""

from __future__ import annotations

from _configuration import write_configuration

from hybridllm.testing import client_for_tests

QUESTIONS = ("Suggest a name for a newsletter.", "【社外秘】来期の方針を要約してください。")

with client_for_tests(write_configuration()) as client:
    for question in QUESTIONS:
        reply = client.chat.completions.create(
            model="assistant", messages=[{"role": "user", "content": question}]
        )
        decision = reply.policy_decision
        print(f"{decision.backend}: {decision.label}")
        for reason in decision.reasons:
            print(f"    {reason.message}")
