"""The in-process engine: one thread that owns one model and serves many callers.

Answers: how does a model in this process answer many requests at once?
Not here: permits, HTTP errors and the contract of a backend (`backends.in_process`).

From the door inwards: `wire` reads a body, `exchange` holds what goes in and comes out, `core` is
the thread, `batch` the running rows, `load` the model. `replies` writes the JSON that goes back.
What callers need (`wire`, `messages`, `exchange`, `settings`, `call`, `mailbox`, `replies`,
`tools`, `ticket`, `text`) imports neither torch nor transformers; the rest is imported when a
model is wanted.
"""
