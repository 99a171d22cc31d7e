"""Engines of others, run as child processes: vLLM, SGLang, llama.cpp's server.

Answers: how is an engine started, watched, started again, asked how busy it is, and stopped?
Not here: asking it for answers (`backends`), the flags of a plan (`sizing.emitters`), the engine
inside this process (`engine`).

No content comes by here: an engine's own lines are read for known numbers and dropped, and what
is asked of it are its health and its metrics.
"""
