"""Retrieval whose labels steer the route: documents in, passages out, citations checked."""
