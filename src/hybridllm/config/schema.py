"""The shape of `hybridllm.toml`.

Answers: which keys may the organisation's file have?
Not here: what the policy parts mean (`policy.schema`, `policy.load`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from hybridllm.policy.schema import (
    AliasConfig,
    BackendConfig,
    LabelConfig,
    LabelsConfig,
    Name,
    PolicyTestConfig,
    RuleConfig,
    Section,
)


class OrganisationConfig(Section):
    """Whose file it is."""

    name: str = ""
    default_department: str | None = None


class StateConfig(Section):
    """Where the client keeps what must outlive it."""

    directory: str = ".hybridllm"
    key_env: str | None = None


class MemoryConfig(Section):
    """The memory of labelled messages."""

    store: Literal["sqlite", "redis", "postgresql", "volatile"] = "sqlite"
    url_env: str | None = None
    networks: list[str] = []
    persistent: bool = True
    max_entries: int = Field(default=1_000_000, ge=1)
    max_age_days: float = Field(default=90.0, gt=0, le=36_500, allow_inf_nan=False)


class FingerprintConfig(Section):
    """The index of labelled documents."""

    enabled: bool = True


class JudgeConfig(Section):
    """A model of this process that is asked whether a text is confidential."""

    backend: str
    kind: str = "semantic.judged"
    question: str | None = Field(default=None, min_length=1, max_length=1_000)
    min_characters: int = Field(default=16, ge=1, le=10_000)
    max_windows: int = Field(default=8, ge=1, le=1_000)
    max_answer_tokens: int = Field(default=8, ge=1, le=64)
    timeout_s: float = Field(default=10.0, gt=0, le=60, allow_inf_nan=False)


class DetectionConfig(Section):
    """How requests are read."""

    lexicons: list[str] = []
    shapes: dict[Name, str] = {}
    key_rules: list[str] = []
    semantic: list[str] = []
    judge: JudgeConfig | None = None
    plugins: list[str] = []
    plugin_timeout_s: float = Field(default=1.0, gt=0, le=30, allow_inf_nan=False)
    fingerprints: FingerprintConfig = FingerprintConfig()
    timeout_s: float = Field(default=5.0, gt=0, le=60, allow_inf_nan=False)
    memory: MemoryConfig = MemoryConfig()


class LimitsConfig(Section):
    """Bounds of one call."""

    max_request_bytes: int = Field(default=10_000_000, ge=1_000, le=100_000_000)
    timeout_s: float = Field(default=600.0, gt=0, le=86_400, allow_inf_nan=False)
    max_retries: int = Field(default=2, ge=0, le=10)
    wait_for_backend_s: float = Field(default=0.0, ge=0, le=86_400, allow_inf_nan=False)


class BudgetConfig(Section):
    """The most that departments may spend at clouds together in one window."""

    name: Name
    window: Literal["hour", "day", "month"]
    departments: list[str] = []
    max_requests: int | None = Field(default=None, ge=0)
    max_tokens: int | None = Field(default=None, ge=0)
    max_cost: float | None = Field(default=None, ge=0, le=1e12, allow_inf_nan=False)

    @model_validator(mode="after")
    def _limits_something(self) -> BudgetConfig:
        if (self.max_requests, self.max_tokens, self.max_cost) == (None, None, None):
            raise PydanticCustomError(
                "no_limit", "limits nothing; give one of max_requests, max_tokens, max_cost"
            )
        return self


class AuditConfig(Section):
    """The audit log in the state directory, and its copies."""

    checkpoint_lines: int = Field(default=1_000, ge=1, le=1_000_000)
    checkpoint_s: float = Field(default=60.0, gt=0, le=86_400, allow_inf_nan=False)
    max_segment_bytes: int = Field(default=67_108_864, ge=65_536, le=1_073_741_824)
    max_segment_age_s: float = Field(default=86_400.0, ge=1, le=31_536_000, allow_inf_nan=False)
    copies: list[str] = []


class SourceConfig(Section):
    """A folder whose documents a vector store holds."""

    folder: str
    label: LabelConfig | None = None
    readers: list[str] = []
    departments: list[Name] = []
    trust: float = Field(default=1.0, ge=0, le=1, allow_inf_nan=False)


class VectorStoreConfig(Section):
    """A store of documents that questions are answered from."""

    path: str | None = None
    embedder: Literal["bundled", "model", "none"] = "bundled"
    embedding_model: str | None = None
    dimensions: int | None = Field(default=None, ge=1, le=65_536)
    query_prefix: str = ""
    passage_prefix: str = ""
    departments: list[Name] = []
    answers: Literal["annotate", "retry", "abstain"] = "annotate"
    passages: int = Field(default=8, ge=1, le=100)
    context_tokens: int = Field(default=3_000, ge=100, le=200_000)
    glossaries: dict[Name, str] = {}
    markings: dict[str, LabelConfig] = {}
    sources: dict[Name, SourceConfig] = {}


class ReloadConfig(Section):
    """When a running client looks whether its files have changed."""

    check_s: float = Field(default=10.0, ge=0, le=3_600, allow_inf_nan=False)


class ShadowConfig(Section):
    """A second policy that decides beside the one in force and changes nothing."""

    config: str | None = None


class IdentityConfig(Section):
    """Who may act for which department."""

    directory: str | None = None
    timeout_s: float = Field(default=1.0, gt=0, le=30, allow_inf_nan=False)


class OrganisationFile(Section):
    """The organisation's file."""

    version: Literal[1]
    revision: int = Field(default=0, ge=0)
    organisation: OrganisationConfig = OrganisationConfig()
    labels: LabelsConfig
    findings: dict[str, LabelConfig] = {}
    backends: dict[Name, BackendConfig] = Field(min_length=1)
    models: dict[str, AliasConfig] = Field(min_length=1)
    rules: list[RuleConfig] = []
    tests: list[PolicyTestConfig] = []
    budgets: list[BudgetConfig] = []
    detection: DetectionConfig = DetectionConfig()
    limits: LimitsConfig = LimitsConfig()
    audit: AuditConfig = AuditConfig()
    vector_stores: dict[Name, VectorStoreConfig] = {}
    state: StateConfig = StateConfig()
    reload: ReloadConfig = ReloadConfig()
    shadow: ShadowConfig = ShadowConfig()
    identity: IdentityConfig = IdentityConfig()
