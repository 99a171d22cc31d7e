"""`import hybridllm` is cheap and quiet."""

import json
import subprocess
import sys

HEAVY = ("httpx2", "openai", "pydantic", "rich", "torch", "transformers")
CPU_SECONDS = 0.1
# The best of a few runs: other work on the machine only ever adds time.
RUNS = 5

PROBE = """
import json, sys, time
start = time.process_time()
import hybridllm
cpu_s = time.process_time() - start
print(json.dumps({"cpu_s": cpu_s, "modules": sorted(sys.modules)}))
"""


def probe() -> dict:
    """Import the package in a fresh process; return the CPU time and the loaded modules."""
    done = subprocess.run([sys.executable, "-c", PROBE], check=True, capture_output=True)
    return json.loads(done.stdout)


def test_importing_the_package_loads_nothing_heavy():
    """A program that imports the package pays for the SDK and torch only when it uses them."""
    loaded = set(probe()["modules"])

    assert set() == loaded & set(HEAVY)


def test_importing_the_package_takes_less_than_a_tenth_of_a_second():
    """A command line tool that imports the package starts at once."""
    cpu_s = min(probe()["cpu_s"] for _ in range(RUNS))

    assert cpu_s < CPU_SECONDS
