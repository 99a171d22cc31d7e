"""Support for wire tests: servers that record every byte, and proofs that nothing else was sent.

Answers: what arrived at a loopback peer, in which encodings does it hold a secret, and did
the process send anything anywhere else?
Not here: the product's public fakes (`hybridllm.testing`).
"""
