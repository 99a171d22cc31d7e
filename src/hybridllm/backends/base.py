"""The names that backends need, from where they stand."""

from hybridllm.wire import Backend, BackendError, EventStream, FailureKind, WireReply, WireRequest

__all__ = ["Backend", "BackendError", "EventStream", "FailureKind", "WireReply", "WireRequest"]
