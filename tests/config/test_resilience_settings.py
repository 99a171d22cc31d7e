"""What the configuration says of weights, places, queues, budgets and prices."""

from __future__ import annotations

import pytest

from hybridllm.budgets import FileCounter
from hybridllm.config import open_config
from hybridllm.errors import ConfigurationError
from hybridllm.gate import Slot, Ticket
from tests.config.writing import ENVIRONMENT, FILE, TEXTS, changed, write

SPARE = """\
[backends.spare]
place = "on_premises"
provider = "vllm"
base_url = "http://127.0.0.1:10/v1"
networks = ["127.0.0.0/8"]
clearance = { level = "restricted", compartments = "all" }

[models.assistant]"""
PRICES = 'data_residency = "jp"\ninput_price = 1.25\noutput_price = 10'
BUDGET = '[[budgets]]\nname = "month"\nwindow = "month"\n'


def with_candidates(text: str) -> dict[str, str | bytes]:
    """Return the file with a second engine, and these candidates."""
    whole = TEXTS[FILE].replace("[models.assistant]", SPARE)
    start = whole.index("candidates = [")
    end = whole.index("]", start) + 1
    return {FILE: whole[:start] + f"candidates = [{text}]" + whole[end:]}


def with_budget(lines: str, *, prices: str = PRICES) -> dict[str, str | bytes]:
    """Return the file with a budget."""
    whole = TEXTS[FILE].replace('data_residency = "jp"', prices)
    return {FILE: whole.replace("[detection]", f"{BUDGET}{lines}\n\n[detection]", 1)}


def opened(tmp_path, files: dict[str, str | bytes]):
    """Return the runtime of these files."""
    return open_config(write(tmp_path, files), environment=ENVIRONMENT).runtime


def complaint(tmp_path, files: dict[str, str | bytes]) -> str:
    """Return what the start is stopped with."""
    with pytest.raises(ConfigurationError) as caught:
        opened(tmp_path, files)
    return str(caught.value)


def test_neighbours_with_weights_are_equals(tmp_path):
    """Two deployments of one alias share its calls; the cloud stays where it stands."""
    text = """
        { backend = "local", model = "a", weight = 3 },
        { backend = "spare", model = "a", weight = 1 },
        { backend = "cloud", model = "b" }, { backend = "spare", model = "c", weight = 2 }"""

    targets = opened(tmp_path, with_candidates(text)).policy.aliases["assistant"]

    assert [(3, 1), (1, 1), (1, 0), (2, 2)] == [(t.weight, t.group) for t in targets]


def test_a_cloud_and_an_engine_inside_are_no_equals(tmp_path):
    """A weight cannot blur the order between places."""
    text = """{ backend = "local", model = "a", weight = 1 },
        { backend = "cloud", model = "b", weight = 1 }"""

    message = complaint(tmp_path, with_candidates(text))

    assert "models.assistant.candidates[1].weight" in message
    assert "'local'" in message


def test_engines_of_different_clearance_are_no_equals(tmp_path):
    """Who may see more is a reason to be preferred, not a share of the calls."""
    text = """{ backend = "local", model = "a", weight = 1 },
        { backend = "spare", model = "a", weight = 1 }"""
    files = with_candidates(text)
    spare = 'networks = ["127.0.0.0/8"]\nclearance = { level = "restricted", compartments = "all" }'
    files[FILE] = files[FILE].replace(spare, 'networks = ["127.0.0.0/8"]\nclearance = "internal"')

    assert "another place or clearance" in complaint(tmp_path, files)


@pytest.mark.parametrize("weight", ["0", "-1", "1001", "1.5", '"1"'])
def test_a_weight_is_a_whole_number_from_one_on(tmp_path, weight):
    """A backend that shall get nothing is left out."""
    text = f'{{ backend = "local", model = "a", weight = {weight} }}'

    assert "weight" in complaint(tmp_path, with_candidates(text))


def test_places_and_queue_are_those_of_the_file(tmp_path):
    """One call at a time, one in the queue, the third is told."""
    lines = "max_concurrency = 1\nmax_queue = 1\nqueue_timeout_s = 2.5\n\n[models.assistant]"
    member = opened(tmp_path, changed(FILE, "[models.assistant]", lines)).fleet.of("local")

    entries = [type(member.gate.enter()) for _ in range(3)]

    assert [Slot, Ticket, type(None)] == entries
    assert 2.5 == member.queue_timeout_s


def test_without_settings_nobody_is_held_back(tmp_path):
    """Limits are for those who set them."""
    runtime = opened(tmp_path, {})

    assert {Slot} == {type(runtime.fleet.of("local").gate.enter()) for _ in range(200)}
    assert runtime.budgets is None
    assert 0.0 == runtime.limits.wait_for_backend_s


def test_a_budget_counts_in_a_file_of_the_state_directory(tmp_path):
    """Every process that uses the directory counts in it."""
    first = opened(tmp_path, with_budget("max_requests = 1"))
    first.budgets.count_request("sales")

    second = opened(tmp_path, with_budget("max_requests = 1"))

    assert {"month"} == second.budgets.used_up("legal")
    assert isinstance(second.budgets._counter, FileCounter)
    assert (tmp_path / ".state" / "budgets.sqlite").exists()
    first.budgets.close()
    second.budgets.close()


def test_money_is_counted_at_the_prices_of_the_file(tmp_path):
    """Eight hundred thousand tokens in at 1.25 for a million make 1.0."""
    budgets = opened(tmp_path, with_budget("max_cost = 1")).budgets

    for tokens in (799_999, 1):
        assert frozenset() == budgets.used_up("sales")
        usage = {"prompt_tokens": tokens}
        budgets.count_reply("sales", backend="cloud", usage=usage, sent=0, received=0)

    assert {"month"} == budgets.used_up("sales")
    budgets.close()


@pytest.mark.parametrize(
    ("lines", "key", "says"),
    [
        ("", "budgets[0]", "limits nothing"),
        ('departments = ["legl"]\nmax_requests = 1', "budgets[0].departments[0]", "'legal'"),
        ("max_requests = -1", "budgets[0].max_requests", "0"),
        (f"max_requests = 1\n{BUDGET}max_tokens = 1", "budgets[1].name", "repeats"),
        ("max_costs = 1", "budgets[0].max_costs", "'max_cost'"),
    ],
)
def test_a_mistake_in_a_budget_stops_the_start(tmp_path, lines, key, says):
    """A budget that is misspelt bounds nothing, so it is refused."""
    message = complaint(tmp_path, with_budget(lines))

    assert f"{FILE}: {key}" in message
    assert says in message


def test_a_limit_of_money_needs_the_price_of_every_cloud(tmp_path):
    """A cloud without a price would be free of charge, and the budget never used up."""
    files = with_budget("max_cost = 1.0", prices='data_residency = "jp"\ninput_price = 1.0')

    assert "backends.cloud.output_price" in complaint(tmp_path, files)


def test_a_damaged_counter_stops_the_start(tmp_path):
    """Better no client than one that has forgotten what was spent."""
    (tmp_path / ".state").mkdir()
    (tmp_path / ".state" / "budgets.sqlite").write_bytes(b"no database at all" * 100)

    assert "budget counter" in complaint(tmp_path, with_budget("max_requests = 1"))
