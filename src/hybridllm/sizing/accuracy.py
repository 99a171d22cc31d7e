"""How far predictions are from published measurements.

Answers: what is the error per task and per source, and are borderline fits judged right?
Not here: turning a row into a question (`sizing.accuracy_rows`).

The table has the columns of `tests/sizing/data/measured.csv`; any table of that form can be judged:
`python benchmarks/sizing.py --rows FILE --configs FOLDER`.

Units: percent of the measured figure; rows of one table are correlated, so read the sources apart.
"""

from __future__ import annotations

import csv
import json
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hybridllm.sizing.accuracy_rows import Prediction, predict
from hybridllm.sizing.errors import FactsError, SizingError
from hybridllm.sizing.from_config import shape_from_config
from hybridllm.sizing.measurement import Row
from hybridllm.sizing.shape import ModelShape

CARDS_GIB: Final = (16, 24, 40, 48, 80)
# A case is borderline when the need is within this factor of the card, on either side.
BORDERLINE: Final = 1.5


@dataclass(frozen=True, slots=True)
class Judged:
    """One row with its prediction."""

    row: Row
    prediction: Prediction

    @property
    def error_percent(self) -> float:
        """Signed error."""
        return 100 * (self.prediction.value / self.row.measured - 1)


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """Errors of one task, of one source or of all (`source` is then `all`)."""

    task: str
    source: str
    rows: int
    median_percent: float
    mean_percent: float
    p90_percent: float
    signed_median_percent: float


@dataclass(frozen=True, slots=True)
class FitDecisions:
    """Fit or no fit on cards of 16 to 80 GiB, borderline cases only."""

    cases: int
    right: int
    false_fits: int

    @property
    def right_percent(self) -> float:
        """Share of right decisions."""
        return 100 * self.right / self.cases if self.cases else 100.0

    @property
    def false_fit_percent(self) -> float:
        """Share of "fits" that would not."""
        return 100 * self.false_fits / self.cases if self.cases else 0.0


def judge_table(
    rows_file: Path,
    *,
    configs: Path,
    facts: Mapping[str, Mapping[str, str]] | None = None,
    on_refusal: Callable[[str, SizingError], object] | None = None,
) -> list[Judged]:
    """Return every row of a table with its prediction.

    Args:
        rows_file: A CSV file with the columns of `measured.csv`.
        configs: Folder with one `owner--name.json` per `config_id`.
        facts: Facts by row id that the source states elsewhere, such as `gradient_accumulation`.
        on_refusal: Is told each row that is refused, and why; otherwise the first is raised.

    Raises:
        FactsError: A configuration is missing.
    """
    shapes: dict[str, ModelShape] = {}
    judged = []
    with rows_file.open(encoding="utf-8", newline="") as handle:
        for record in csv.DictReader(handle):
            added = (facts or {}).get(record["id"], {})
            row = Row.from_record(
                {**record, **{key: value for key, value in added.items() if value}}
            )
            try:
                if row.config_id not in shapes:
                    shapes[row.config_id] = _shape(row.config_id, configs)
                judged.append(Judged(row, predict(row, shape=shapes[row.config_id])))
            except SizingError as error:
                if on_refusal is None:
                    raise
                on_refusal(row.id, error)
    return judged


def error_lines(judged: Iterable[Judged]) -> list[ErrorLine]:
    """Return the errors per task and source, then per task over all sources."""
    groups: dict[tuple[str, str], list[float]] = {}
    for one in judged:
        for source in (one.row.source, "all"):
            groups.setdefault((one.row.task, source), []).append(one.error_percent)
    return [_line(task, source, errors) for (task, source), errors in sorted(groups.items())]


def fit_decisions(
    judged: Iterable[Judged], *, training: bool, with_margin: bool = True
) -> FitDecisions:
    """Return how often "fits" and "does not fit" were right near the edge of a card.

    The decision adds the margin that the plan would add; the truth is the measured figure.
    """
    cases = right = wrong = 0
    for one in judged:
        if one.row.is_training != training or one.row.task in (
            "inference_kv_tokens",
            "inference_weights",
        ):
            continue
        for card in CARDS_GIB:
            if not 1 / BORDERLINE <= one.row.measured / card <= BORDERLINE:
                continue
            margin = one.prediction.margin if with_margin else 0.0
            says, is_true = one.prediction.value * (1 + margin) <= card, one.row.measured <= card
            cases += 1
            right += says == is_true
            wrong += says and not is_true
    return FitDecisions(cases, right, wrong)


def _shape(config_id: str, configs: Path) -> ModelShape:
    path = configs / f"{config_id.replace('/', '--')}.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FactsError(f"no configuration for '{config_id}': {path.name} is missing.") from None
    raw = config.get("raw_config") or {}
    if "quantization_config" in raw:  # facts files keep it in the original only
        config = {**config, "quantization_config": raw["quantization_config"]}
    return shape_from_config(config, name=config_id)


def _line(task: str, source: str, errors: list[float]) -> ErrorLine:
    sizes = sorted(abs(error) for error in errors)
    return ErrorLine(
        task,
        source,
        len(errors),
        statistics.median(sizes),
        statistics.fmean(sizes),
        sizes[min(len(sizes) - 1, int(0.9 * len(sizes)))],
        statistics.median(errors),
    )
