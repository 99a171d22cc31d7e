"""A Compose file for one machine.

Answers: which service starts the plan under Docker or Podman?
Source: the Compose specification; GPUs by device reservation.
"""

from __future__ import annotations

from hybridllm.sizing.answers import Answer
from hybridllm.sizing.emitters.command import (
    ENVIRONMENT,
    IMAGE,
    MODEL_FOLDER,
    PORT,
    cards_label,
    device_ids,
    label_name,
    notes,
    partition_variable,
    serve_arguments,
)
from hybridllm.sizing.emitters.yaml_text import Plain, to_yaml


def compose_file(answer: Answer) -> str:
    """Return a `compose.yaml` that listens on the loopback address only."""
    devices: list[Plain] = [*device_ids(answer).split(",")]
    command: list[Plain] = [*serve_arguments(answer, host="0.0.0.0")]  # noqa: S104  inside the container
    environment: dict[str, Plain] = {
        **ENVIRONMENT,
        **partition_variable(answer),
        "HF_HOME": MODEL_FOLDER,
    }
    service: dict[str, Plain] = {
        "image": IMAGE,
        "command": command,
        "environment": environment,
        "ports": [f"127.0.0.1:{PORT}:{PORT}"],
        "volumes": [f"model-cache:{MODEL_FOLDER}"],
        "ipc": "host",
        "restart": "unless-stopped",
        "healthcheck": {
            "test": ["CMD", "curl", "--fail", "--silent", f"http://127.0.0.1:{PORT}/health"],
            "interval": "10s",
            "timeout": "5s",
            "retries": 6,
            "start_period": "15m",
        },
        "deploy": {
            "resources": {
                "reservations": {
                    "devices": [
                        {"driver": "nvidia", "device_ids": devices, "capabilities": ["gpu"]}
                    ]
                }
            }
        },
    }
    document: dict[str, Plain] = {
        "services": {label_name(answer): service},
        "volumes": {"model-cache": {}},
    }
    head = "\n".join((f"# compose.yaml, planned on {cards_label(answer)}", *notes(answer)))
    return f"{head}\n{to_yaml(document)}"
