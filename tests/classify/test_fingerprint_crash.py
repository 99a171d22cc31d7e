"""Document fingerprints survive a process that is killed while it adds."""

import random
import subprocess
import sys

from hybridllm.classify.fingerprint import FingerprintIndex
from hybridllm.labels import Scale

ROUNDS = 20
SCALE = Scale.of(["public", "confidential"])
KEY = bytes(range(32))

CHILD = """
import sys
from hybridllm.classify.fingerprint import FingerprintIndex
from hybridllm.labels import Scale
import random
def document(number):
    return "".join(random.Random(number).choices("abcdefghijklmnopqrstuvwxyz", k=20_000))
scale = Scale.of(["public", "confidential"])
index = FingerprintIndex(sys.argv[1], scale=scale, key=bytes(range(32)))
number = int(sys.argv[2])
while True:
    index.add_document(f"document {number}", text=document(number), label=scale.strictest)
    print(number, flush=True)
    number += 1
"""


def document(number):
    return "".join(random.Random(number).choices("abcdefghijklmnopqrstuvwxyz", k=20_000))


def add_until_killed(path, *, first, acknowledged):
    """Add documents in another process; kill it inside the one after these. Return the last."""
    command = [sys.executable, "-c", CHILD, path, str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        for _ in range(acknowledged):
            last = int(child.stdout.readline())
        child.kill()
    return last


def test_a_killed_process_leaves_an_index_that_can_be_read(tmp_path):
    """After kill -9 in mid-write, every document that was reported as added is found."""
    path = tmp_path / "index.db"
    chance = random.Random(7)
    added = []
    for _ in range(ROUNDS):
        first = added[-1] + 1 if added else 0
        last = add_until_killed(path, first=first, acknowledged=chance.randint(1, 4))
        added.extend(range(first, last + 1))

        index = FingerprintIndex(path, scale=SCALE, key=KEY)
        known = {found.document_id for found in index.documents()}
        (share,) = (hit.share for hit in index.lookup(document(last)))
        index.close()

        assert known >= {f"document {number}" for number in added}
        assert 1.0 == share

    index = FingerprintIndex(path, scale=SCALE, key=KEY)
    shares = [[hit.share for hit in index.lookup(document(number))] for number in added]
    index.close()

    assert [[1.0]] * len(added) == shares
