"""Manifests for Kubernetes, Ray Serve and Slurm.

Answers: which objects start the plan on a cluster?
Sources: the Kubernetes API (apps/v1, v1); Ray Serve's configuration with `ray.serve.llm`;
sbatch(1).
"""

from __future__ import annotations

from typing import Final

from hybridllm.sizing.answers import Answer
from hybridllm.sizing.emitters.command import (
    ENVIRONMENT,
    IMAGE,
    MODEL_FOLDER,
    PORT,
    VLLM_VERSION,
    cards_label,
    engine_values,
    label_name,
    notes,
    partition_variable,
    serve_arguments,
    served_name,
)
from hybridllm.sizing.emitters.yaml_text import Plain, to_yaml
from hybridllm.sizing.units import GIB, ceil_div
from hybridllm.sizing.weights import weights_bytes

RAY_VERSION: Final = "2.50.0"


def kubernetes_manifest(answer: Answer) -> str:
    """Return a Deployment and a Service that is reachable inside the cluster."""
    name = label_name(answer)
    labels: dict[str, Plain] = {
        "app.kubernetes.io/name": name,
        "app.kubernetes.io/component": "engine",
    }
    deployment: dict[str, Plain] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},  # two copies do not fit at once
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _pod(answer)},
        },
    }
    service: dict[str, Plain] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "type": "ClusterIP",
            "selector": labels,
            "ports": [{"name": "http", "port": PORT, "targetPort": PORT}],
        },
    }
    first = f"# planned on {cards_label(answer)}; the cache needs the claim 'model-cache'"
    head = "\n".join((first, *notes(answer)))
    return f"{head}\n{to_yaml(deployment)}---\n{to_yaml(service)}"


def _pod(answer: Answer) -> dict[str, Plain]:
    arguments: list[Plain] = [*serve_arguments(answer, host="0.0.0.0")]  # noqa: S104  inside the pod
    gpus = {"nvidia.com/gpu": answer.gpus}
    memory = f"{max(16, ceil_div(weights_bytes(answer.shape), by=GIB) + 8)}Gi"
    probe: dict[str, Plain] = {"httpGet": {"path": "/health", "port": PORT}, "periodSeconds": 10}
    variables = {**ENVIRONMENT, **partition_variable(answer), "HF_HOME": MODEL_FOLDER}
    container: dict[str, Plain] = {
        "name": "vllm",
        "image": IMAGE,
        "args": arguments,
        "env": [{"name": key, "value": value} for key, value in variables.items()],
        "ports": [{"name": "http", "containerPort": PORT}],
        "resources": {"limits": {**gpus}, "requests": {**gpus, "memory": memory}},
        "startupProbe": {**probe, "failureThreshold": 180},  # weights may take half an hour to load
        "readinessProbe": {**probe, "failureThreshold": 3},
        "volumeMounts": [
            {"name": "cache", "mountPath": MODEL_FOLDER},
            {"name": "shared-memory", "mountPath": "/dev/shm"},  # noqa: S108  the container's own
        ],
        "securityContext": {"allowPrivilegeEscalation": False},
    }
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # its VLLM_PORT would be read as vLLM's own setting
        "containers": [container],
        "volumes": [
            {"name": "cache", "persistentVolumeClaim": {"claimName": "model-cache"}},
            {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": "16Gi"}},
        ],
    }


def ray_serve_config(answer: Answer) -> str:
    """Return a Ray Serve configuration with one OpenAI-compatible application."""
    engine: dict[str, Plain] = {**engine_values(answer)}
    model: dict[str, Plain] = {
        "model_loading_config": {"model_id": served_name(answer), "model_source": answer.model},
        "engine_kwargs": engine,
        "deployment_config": {"autoscaling_config": {"min_replicas": 1, "max_replicas": 1}},
        "runtime_env": {"env_vars": {**ENVIRONMENT, **partition_variable(answer)}},
    }
    document: dict[str, Plain] = {
        "http_options": {"host": "127.0.0.1", "port": PORT},
        "applications": [
            {
                "name": label_name(answer),
                "route_prefix": "/",
                "import_path": "ray.serve.llm:build_openai_app",
                "args": {"llm_configs": [model]},
            }
        ],
    }
    first = f"# serve run config.yaml; ray[serve,llm]=={RAY_VERSION}, vllm=={VLLM_VERSION}"
    return "\n".join((first, *notes(answer), to_yaml(document)))


def slurm_script(answer: Answer) -> str:
    """Return a batch script that serves the plan on one node."""
    words = " \\\n  ".join(["vllm serve", *_quoted(serve_arguments(answer, host="127.0.0.1"))])
    memory = max(16, ceil_div(weights_bytes(answer.shape), by=GIB) + 8)
    variables = {**ENVIRONMENT, **partition_variable(answer)}
    return "\n".join(
        (
            "#!/bin/bash",
            f"#SBATCH --job-name={label_name(answer)}",
            "#SBATCH --nodes=1",
            "#SBATCH --ntasks=1",
            f"#SBATCH --gpus-per-node={answer.gpus}",
            f"#SBATCH --cpus-per-task={4 * answer.gpus}",
            f"#SBATCH --mem={memory}G",
            "#SBATCH --time=24:00:00",
            f"# planned on {cards_label(answer)}; vllm=={VLLM_VERSION} in the active environment",
            *notes(answer),
            "set -euo pipefail",
            *(f"export {name}={value}" for name, value in variables.items()),
            f"srun {words}",
            "",
        )
    )


def _quoted(words: list[str]) -> list[str]:
    import shlex

    lines = [shlex.quote(words[0])]
    for word in words[1:]:
        if word.startswith("--"):
            lines.append(word)
        else:
            lines[-1] += f" {shlex.quote(word)}"
    return lines
