"""The shape of `hybridllm.toml`.

Answers: which keys may the organisation's file have?
Not here: what the policy parts mean (`policy.schema`, `policy.load`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

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


class DetectionConfig(Section):
    """How requests are read."""

    lexicons: list[str] = []
    shapes: dict[Name, str] = {}
    key_rules: list[str] = []
    semantic: list[str] = []
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


class AuditConfig(Section):
    """The audit log in the state directory, and its copies."""

    checkpoint_lines: int = Field(default=1_000, ge=1, le=1_000_000)
    checkpoint_s: float = Field(default=60.0, gt=0, le=86_400, allow_inf_nan=False)
    max_segment_bytes: int = Field(default=67_108_864, ge=65_536, le=1_073_741_824)
    max_segment_age_s: float = Field(default=86_400.0, ge=1, le=31_536_000, allow_inf_nan=False)
    copies: list[str] = []


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
    detection: DetectionConfig = DetectionConfig()
    limits: LimitsConfig = LimitsConfig()
    audit: AuditConfig = AuditConfig()
    state: StateConfig = StateConfig()
    reload: ReloadConfig = ReloadConfig()
    shadow: ShadowConfig = ShadowConfig()
    identity: IdentityConfig = IdentityConfig()
