"""JSON Schemas of what is emitted: the parts of Compose, Kubernetes and Ray Serve that are used.

Stricter than the originals: a key that is not listed is an error, so a typing error is found.
Written from the Compose specification, the Kubernetes API reference (apps/v1, v1) and Ray Serve's
configuration schema.
"""

from __future__ import annotations

from typing import Any


def table(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """Return the schema of a table with these keys and no others."""
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": list(required),
        "additionalProperties": False,
    }


TEXT = {"type": "string", "minLength": 1}
COUNT = {"type": "integer", "minimum": 1}
TEXTS = {"type": "array", "items": TEXT, "minItems": 1}
TEXT_TABLE = {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}
NAME = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}

COMPOSE = table(
    {
        "services": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": "^[a-zA-Z0-9._-]+$"},
            "additionalProperties": table(
                {
                    "image": {"type": "string", "pattern": ":v?[0-9]+\\.[0-9]+\\.[0-9]+$"},
                    "command": TEXTS,
                    "ports": {
                        "type": "array",
                        "items": {"type": "string", "pattern": "^127\\.0\\.0\\.1:[0-9]+:[0-9]+$"},
                    },
                    "deploy": table(
                        {
                            "resources": table(
                                {
                                    "reservations": table(
                                        {
                                            "devices": {
                                                "type": "array",
                                                "items": table(
                                                    {
                                                        "driver": {"const": "nvidia"},
                                                        "device_ids": {
                                                            "type": "array",
                                                            "items": {
                                                                "type": "string",
                                                                "pattern": "^[0-9]+$",
                                                            },
                                                        },
                                                        "capabilities": {"const": ["gpu"]},
                                                    }
                                                ),
                                            }
                                        }
                                    )
                                }
                            )
                        }
                    ),
                },
                environment=TEXT_TABLE,
                volumes=TEXTS,
                ipc={"enum": ["host", "private", "shareable"]},
                restart={"enum": ["no", "always", "on-failure", "unless-stopped"]},
                healthcheck=table(
                    {"test": TEXTS},
                    interval=TEXT,
                    timeout=TEXT,
                    retries=COUNT,
                    start_period=TEXT,
                ),
            ),
        }
    },
    volumes={"type": "object"},
)

_METADATA = table({"labels": TEXT_TABLE}, name=NAME)
_PROBE = table(
    {"httpGet": table({"path": TEXT, "port": COUNT})}, periodSeconds=COUNT, failureThreshold=COUNT
)
_CONTAINER = table(
    {
        "name": NAME,
        "image": {"type": "string", "pattern": ":v?[0-9]+\\.[0-9]+\\.[0-9]+$"},
        "args": TEXTS,
        "resources": table(
            {
                "limits": table({"nvidia.com/gpu": COUNT}),
                "requests": table({"nvidia.com/gpu": COUNT, "memory": TEXT}),
            }
        ),
    },
    env={"type": "array", "items": table({"name": TEXT, "value": {"type": "string"}})},
    ports={"type": "array", "items": table({"containerPort": COUNT}, name=NAME)},
    startupProbe=_PROBE,
    readinessProbe=_PROBE,
    volumeMounts={"type": "array", "items": table({"name": NAME, "mountPath": TEXT})},
    securityContext=table({"allowPrivilegeEscalation": {"const": False}}),
)
_VOLUME = {
    "oneOf": [
        table({"name": NAME, "persistentVolumeClaim": table({"claimName": NAME})}),
        table(
            {"name": NAME, "emptyDir": table({"medium": {"const": "Memory"}, "sizeLimit": TEXT})}
        ),
    ]
}
DEPLOYMENT = table(
    {
        "apiVersion": {"const": "apps/v1"},
        "kind": {"const": "Deployment"},
        "metadata": _METADATA,
        "spec": table(
            {
                "replicas": COUNT,
                "selector": table({"matchLabels": TEXT_TABLE}),
                "template": table(
                    {
                        "metadata": _METADATA,
                        "spec": table(
                            {"containers": {"type": "array", "items": _CONTAINER, "minItems": 1}},
                            automountServiceAccountToken={"const": False},
                            enableServiceLinks={"const": False},
                            volumes={"type": "array", "items": _VOLUME},
                        ),
                    }
                ),
            },
            strategy=table({"type": {"enum": ["Recreate", "RollingUpdate"]}}),
        ),
    }
)
SERVICE = table(
    {
        "apiVersion": {"const": "v1"},
        "kind": {"const": "Service"},
        "metadata": _METADATA,
        "spec": table(
            {
                "type": {"const": "ClusterIP"},
                "selector": TEXT_TABLE,
                "ports": {
                    "type": "array",
                    "items": table({"name": NAME, "port": COUNT, "targetPort": COUNT}),
                },
            }
        ),
    }
)

RAY_SERVE = table(
    {
        "applications": {
            "type": "array",
            "minItems": 1,
            "items": table(
                {
                    "name": TEXT,
                    "route_prefix": {"type": "string", "pattern": "^/"},
                    "import_path": {"const": "ray.serve.llm:build_openai_app"},
                    "args": table(
                        {
                            "llm_configs": {
                                "type": "array",
                                "items": table(
                                    {
                                        "model_loading_config": table(
                                            {"model_id": TEXT}, model_source=TEXT
                                        ),
                                        "engine_kwargs": {"type": "object", "minProperties": 1},
                                    },
                                    deployment_config=table(
                                        {
                                            "autoscaling_config": table(
                                                {"min_replicas": COUNT, "max_replicas": COUNT}
                                            )
                                        }
                                    ),
                                    runtime_env=table({"env_vars": TEXT_TABLE}),
                                ),
                            }
                        }
                    ),
                }
            ),
        }
    },
    http_options=table({"host": TEXT, "port": COUNT}),
)
