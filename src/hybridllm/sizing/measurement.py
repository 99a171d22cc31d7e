"""One published measurement, as a table of them states it.

Answers: what does a row of `measured.csv` say?
Not here: predicting it (`sizing.accuracy_rows`).

Units: GiB, and tokens for `inference_kv_tokens`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from hybridllm.sizing.errors import FactsError

# names of number formats in tables: ours
FORMATS: Final = {
    "bnb-int4": "nf4",
    "gptq-4bit-128g": "gptq-int4",
    "bnb-nf4": "nf4",
    "nf4-bnb": "nf4",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement."""

    id: str
    task: str
    config_id: str
    measured: float  # GiB, or tokens
    pool_gib: float
    parallelism: str
    n_gpus: int
    dtype: str
    quant: str
    seq_len: int
    batch: int
    grad_ckpt: str
    optimizer: str
    flags: str
    source_url: str
    gradient_accumulation: int | None

    @classmethod
    def from_record(cls, record: Mapping[str, str]) -> Row:
        """Return a row of the table.

        Raises:
            FactsError: A column is missing.
        """
        try:
            tokens = record["measured_tokens"]
            return cls(
                record["id"],
                record["task"],
                record["config_id"],
                float(tokens) if tokens else float(record["measured_gib"]),
                float(record["measured_gib"]),
                record["parallelism"],
                int(record["n_gpus"] or 1),
                record["dtype"].lower(),
                record["quant"],
                int(record["seq_len"] or 0),
                int(record["batch"] or 1),
                record["grad_ckpt"],
                record["optimizer"],
                record["other_flags"],
                record["source_url"].lower(),
                int(steps) if (steps := record.get("gradient_accumulation")) else None,
            )
        except KeyError as error:
            raise FactsError(f"the table of measurements has no column {error}.") from None

    @property
    def source(self) -> str:
        """Short name of the table that the row is from."""
        return self.id.split("-")[0]

    @property
    def is_training(self) -> bool:
        """Whether the row is a training run."""
        return self.task.startswith("train_")

    def flag(self, name: str, *, default: str = "") -> str:
        """Return the value of `name=value` among the flags."""
        found = re.search(rf"(?:^|[;\s(]){re.escape(name)}=([\w.+-]+)", self.flags)
        return found.group(1) if found else default

    def says(self, word: str) -> bool:
        """Return whether the flags have this word."""
        return word.lower() in self.flags.lower()
