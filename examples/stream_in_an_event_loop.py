"""Streaming in an event loop, for a department with rules of its own.

Shows: `AsyncHybridLLM`, `with_options`, a streamed reply, and where it comes from.
Needs: nothing; the backends are echoes.
Prints: the reply piece by piece, then the backend.
"""

from __future__ import annotations

import asyncio

from _configuration import write_configuration

from hybridllm.testing import async_client_for_tests


async def main() -> None:
    async with async_client_for_tests(write_configuration()) as client:
        legal = client.with_options(department="legal", purpose="contract")
        stream = await legal.chat.completions.create(
            model="assistant",
            messages=[{"role": "user", "content": "Shorten clause four."}],
            stream=True,
        )
        async for chunk in stream:
            for choice in chunk.choices:
                print(choice.delta.content or "", end="", flush=True)
        print(f"\nfrom {stream.policy_decision.backend}")


asyncio.run(main())
