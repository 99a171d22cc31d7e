"""Passages in PostgreSQL with pgvector, for several machines; row-level security fails closed."""

from hybridllm.rag.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
