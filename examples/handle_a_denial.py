"""What a program sees when no backend may have the request.

Shows: `PolicyDeniedError` carries the decision; it is no `openai.OpenAIError`, so a wrapper
    that retries or falls back on those cannot swallow it.
Needs: nothing; the backends are echoes.
Prints: every backend, with the codes of what speaks against it.
"""

from __future__ import annotations

from _configuration import write_configuration

from hybridllm import PolicyDeniedError
from hybridllm.testing import client_for_tests

file = write_configuration()
text = file.read_text(encoding="utf-8")
file.write_text(text.replace('"engine", model', '"cloud", model'), encoding="utf-8")

with client_for_tests(file) as client:
    try:
        client.with_options(label="restricted").chat.completions.create(
            model="assistant", messages=[{"role": "user", "content": "What is our margin?"}]
        )
    except PolicyDeniedError as error:
        assert error.policy_decision is not None
        for rejection in error.policy_decision.rejected:
            print(rejection.backend, [reason.code for reason in rejection.reasons])
