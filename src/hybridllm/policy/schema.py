"""The shape of the policy parts of configuration files.

Answers: which keys may a file have, and of which types?
Not here: references between them, and what they mean (`policy.load`).

Unknown keys are errors. TOML has no implicit types, so none are coerced.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.\-]+$")]

_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


class Section(BaseModel):
    """A table of a configuration file."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        """Refuse unknown keys here, where the allowed ones are known."""
        if isinstance(data, dict):
            for key in data:
                if key not in cls.model_fields:
                    allowed = sorted(cls.model_fields)
                    raise PydanticCustomError(
                        "unknown_key", "unknown key", {"key": str(key), "allowed": allowed}
                    )
        return data


class LabelTable(Section):
    """A label in full: a level and its compartments, or all of them."""

    level: str
    compartments: list[str] | Literal["all"] = []


LabelConfig = str | LabelTable
"""A level alone, as text, or a table with compartments."""


class LabelsConfig(Section):
    """The organisation's sensitivity scale."""

    levels: list[Name] = Field(min_length=1, max_length=16)
    compartments: list[Name] = []
    default: LabelConfig


class WhenConfig(Section):
    """Where a rule applies; every key that is given must hold."""

    level_at_least: str | None = None
    compartments: list[str] = []
    kinds: list[str] = []
    departments: list[str] = []
    principals: list[str] = []
    purposes: list[str] = []
    applications: list[str] = []
    models: list[str] = []
    endpoints: list[str] = []


class ThenConfig(Section):
    """What a rule does. All of it restricts."""

    deny: Literal[True] | None = None
    label: LabelConfig | None = None
    only_backends: list[str] | None = None
    forbid_backends: list[str] = []
    forbid_places: list[Literal["cloud", "on_premises", "in_process"]] = []

    @model_validator(mode="after")
    def _does_something(self) -> ThenConfig:
        if not self.model_fields_set:
            allowed = ", ".join(sorted(type(self).model_fields))
            raise PydanticCustomError("empty_then", f"does nothing; give one of {allowed}")
        if self.label is not None and self.model_fields_set != {"label"}:
            raise PydanticCustomError(
                "mixed_then", "has 'label' beside another effect; write two rules"
            )
        return self


class RuleConfig(Section):
    """One restriction."""

    name: str = Field(min_length=1, max_length=120)
    mode: Literal["enforce", "report"] = "enforce"
    when: WhenConfig = WhenConfig()
    then: ThenConfig


class TargetConfig(Section):
    """One backend of a model alias."""

    backend: str
    model: str = Field(min_length=1)
    weight: int | None = Field(default=None, ge=1, le=1_000)


class AliasConfig(Section):
    """A model alias: where it may be answered, in order of preference."""

    candidates: list[TargetConfig] = Field(min_length=1)


class BackendConfig(Section):
    """One destination that requests may go to."""

    on_premises_keys: ClassVar[frozenset[str]] = frozenset({"networks"})

    place: Literal["cloud", "on_premises", "in_process"]
    clearance: LabelConfig
    provider: str = "openai_compatible"
    base_url: str | None = None
    api_key_env: str | None = None
    networks: list[str] = []
    ca_file: str | None = None
    proxy: str | None = None
    data_residency: str = ""
    endpoints: list[str] | None = None
    parameters: list[str] = []
    max_connections: int = Field(default=100, ge=1, le=10_000)
    max_concurrency: int | None = Field(default=None, ge=1, le=100_000)
    max_queue: int = Field(default=1_000, ge=0, le=1_000_000)
    queue_timeout_s: float = Field(default=30.0, gt=0, le=86_400, allow_inf_nan=False)
    input_price: float | None = Field(default=None, ge=0, le=1_000_000, allow_inf_nan=False)
    output_price: float | None = Field(default=None, ge=0, le=1_000_000, allow_inf_nan=False)
    connect_timeout_s: float = Field(default=5.0, gt=0, le=600, allow_inf_nan=False)
    model_path: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    max_model_len: int | None = Field(default=None, ge=1)
    max_batch: int = Field(default=64, ge=1)

    @field_validator("api_key_env")
    @classmethod
    def _names_a_variable(cls, value: str | None) -> str | None:
        """Refuse a key that was written in place of the variable's name, without showing it."""
        if value is not None and not _ENVIRONMENT_NAME.fullmatch(value):
            raise PydanticCustomError(
                "no_variable_name",
                "must be the name of an environment variable that holds the key, not the key",
            )
        return value


class ExpectConfig(Section):
    """What a policy test expects; every key that is given must come true."""

    effect: Literal["permit", "deny"] | None = None
    backend: str | None = None
    place: Literal["cloud", "on_premises", "in_process"] | None = None
    label: LabelConfig | None = None
    reasons: list[str] = []

    @model_validator(mode="after")
    def _expects_something(self) -> ExpectConfig:
        if not self.model_fields_set:
            allowed = ", ".join(sorted(type(self).model_fields))
            raise PydanticCustomError("empty_expect", f"expects nothing; give one of {allowed}")
        return self


class PolicyTestConfig(Section):
    """A request and what the policy should say of it. It changes no decision."""

    name: str = Field(min_length=1, max_length=120)
    text: str | None = None
    file: str | None = None
    messages: list[dict[str, Any]] | None = None
    label: LabelConfig | None = None
    department: str | None = None
    principal: str = ""
    purpose: str = ""
    application: str = ""
    model: str | None = None
    endpoint: str = "chat.completions"
    expect: ExpectConfig

    @model_validator(mode="after")
    def _has_one_text(self) -> PolicyTestConfig:
        given = [key for key in ("text", "file", "messages") if getattr(self, key) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise PydanticCustomError(
                "several_texts", f"has {found} of text, file, messages; give exactly one"
            )
        return self


class DepartmentConfig(Section):
    """A department's file: it can only make things stricter."""

    version: Literal[1]
    description: str = ""
    default: LabelConfig | None = None
    findings: dict[str, LabelConfig] = {}
    rules: list[RuleConfig] = []
    lexicons: list[str] = []
    tests: list[PolicyTestConfig] = []
