"""The tables of a document store in PostgreSQL, and who may see their rows.

Answers: which tables are there, and what does the server itself keep from a query that
forgot to ask for whom it is?
Not here: connections (`connections`), searching (`store`), runs (`sync`).

Each transaction says which grants it may see (`hybridllm.grants`). A transaction that
doesn't sees no document and no passage: the setting is then null, and no row passes. Writing
needs another setting. The policies are forced on the tables' owner too; a superuser or a
role with BYPASSRLS would not be bound, so such a role is refused.

Source: PostgreSQL 18, 5.9 (row security policies); pgvector 0.8.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "1"

TABLES: Final = """
CREATE TABLE IF NOT EXISTS rag_setting (name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE IF NOT EXISTS rag_run (source text PRIMARY KEY, token bigint NOT NULL);
CREATE TABLE IF NOT EXISTS rag_grant (
    id bigserial PRIMARY KEY, level text NOT NULL, compartments text NOT NULL,
    readers text NOT NULL, departments text NOT NULL, digest bytea NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS rag_document (
    id bigserial PRIMARY KEY, name text NOT NULL, source text NOT NULL, title text NOT NULL,
    version text NOT NULL, trust real NOT NULL, access_grant bigint NOT NULL,
    seal bytea NOT NULL, passages integer NOT NULL, is_live boolean NOT NULL,
    token bigint NOT NULL, UNIQUE (name, is_live));
CREATE TABLE IF NOT EXISTS rag_kept (
    source text, name text, token bigint NOT NULL, title text NOT NULL, trust real NOT NULL,
    access_grant bigint NOT NULL, seal bytea NOT NULL, PRIMARY KEY (source, name));
CREATE TABLE IF NOT EXISTS rag_passage (
    id bigserial PRIMARY KEY, document bigint NOT NULL, position integer NOT NULL,
    text text NOT NULL, start integer NOT NULL, stop integer NOT NULL, page integer NOT NULL,
    headings text NOT NULL, words integer NOT NULL{embedding}, UNIQUE (document, position));
CREATE TABLE IF NOT EXISTS rag_posting (
    term bigint, passage bigint, count smallint NOT NULL, PRIMARY KEY (term, passage));
CREATE INDEX IF NOT EXISTS rag_posting_passage ON rag_posting (passage)
"""

_MAY_READ: Final = (
    "(string_to_array(nullif(current_setting('hybridllm.grants', true), ''), ',')::bigint[])"
)
_MAY_WRITE: Final = "coalesce(current_setting('hybridllm.writes', true), '') = 'on'"

# table -> which rows a search sees. A passage is seen if its document is.
_READABLE: Final = {
    "rag_document": f"is_live AND access_grant = ANY {_MAY_READ}",
    "rag_passage": "document IN (SELECT id FROM rag_document)",
    "rag_posting": "passage IN (SELECT id FROM rag_passage)",
    "rag_kept": "false",
}


def policies() -> list[str]:
    """Return the statements that close the tables."""
    statements = []
    for table, rows in _READABLE.items():
        statements += [
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"DROP POLICY IF EXISTS reading ON {table}",
            f"DROP POLICY IF EXISTS writing ON {table}",
            f"CREATE POLICY reading ON {table} FOR SELECT USING ({rows})",
            f"CREATE POLICY writing ON {table} USING ({_MAY_WRITE}) WITH CHECK ({_MAY_WRITE})",
        ]
    return statements


SEARCH: Final = """
WITH visible AS MATERIALIZED (
    SELECT p.id, p.words, d.trust, {cosine} AS cosine
    FROM rag_passage p JOIN rag_document d ON d.id = p.document),
weights AS (
    SELECT * FROM unnest(%(terms)s::bigint[], %(weights)s::float8[]) AS w(term, weight)),
matched AS (
    SELECT o.passage, sum(w.weight * (o.count * 2.2)
        / (o.count + 1.2 * (0.25 + 0.75 * v.words / %(mean)s::float8))) AS score
    FROM weights w JOIN rag_posting o ON o.term = w.term JOIN visible v ON v.id = o.passage
    GROUP BY o.passage),
scored AS (
    SELECT v.id, v.trust, v.cosine, coalesce(m.score, 0) AS words
    FROM visible v LEFT JOIN matched m ON m.passage = v.id),
bounds AS (
    SELECT min(cosine) AS least, max(cosine) AS most, max(words) AS top FROM scored)
SELECT s.id, s.trust * (
        %(dense)s::float8 * CASE WHEN b.most > b.least
            THEN (s.cosine - b.least) / (b.most - b.least) ELSE 1 END
        + (1 - %(dense)s::float8) * s.words / CASE WHEN b.top > 0 THEN b.top ELSE 1 END
    ) AS score, s.cosine
FROM scored s CROSS JOIN bounds b
WHERE %(dense)s::float8 > 0 OR s.words > 0
ORDER BY score DESC, s.id LIMIT %(k)s"""
"""Exact: every visible passage is scored. The constants of BM25 are those of `lexical`."""

HITS: Final = """
SELECT p.id, d.name, d.version, d.title, d.seal, g.level, g.compartments, g.readers,
    g.departments, p.text, p.start, p.stop, p.page, p.headings
FROM rag_passage p JOIN rag_document d ON d.id = p.document
JOIN rag_grant g ON g.id = d.access_grant WHERE p.id = ANY (%s)"""
