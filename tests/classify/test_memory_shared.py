"""Message memory on a server: what one machine remembers, all the others know.

The servers are real ones of our own, on this machine only; where a server or its library
is missing, the tests that need it are skipped and say so.
"""

from __future__ import annotations

import os
import threading
from types import SimpleNamespace

import pytest

from hybridllm.classify.memory import VolatileMemory
from hybridllm.config.schema import MemoryConfig
from hybridllm.config.shared import shared_store
from hybridllm.config.stores import open_memory
from hybridllm.errors import ConfigurationError, StoreError
from hybridllm.labels import Scale
from tests.support.memory_servers import (
    CONFIDENTIAL,
    INTERNAL,
    KEY,
    SCALE,
    TEXT,
    made,
    relay,
)


def test_what_one_machine_remembers_another_knows(opened):
    """A secret pasted into the second gateway is as confidential as in the first."""
    opened().remember([TEXT], label=CONFIDENTIAL)

    other = opened()

    assert CONFIDENTIAL == other.recall(["Something else", f"Translate:\n{TEXT}"])
    assert other.recall(["How do I write a polite answer to a customer?"]) is None
    assert other.recall([]) is None


def test_a_restart_forgets_nothing(opened):
    """The memory outlives every client."""
    before = opened()
    before.remember([TEXT], label=CONFIDENTIAL)
    before.close()

    assert CONFIDENTIAL == opened().recall([TEXT])


@pytest.mark.parametrize("order", [(CONFIDENTIAL, INTERNAL), (INTERNAL, CONFIDENTIAL)])
def test_labels_join_and_never_fall(opened, order):
    """Whichever machine writes last, a lower label does not replace a higher one."""
    for label in order:
        opened().remember([TEXT], label=label)

    assert CONFIDENTIAL.join(INTERNAL) == opened().recall([TEXT])


def test_threads_share_one_memory(opened):
    """Requests are served by several threads at once, and each label arrives."""
    memory = opened()
    shared, failures = "said by every thread", []

    def remember(number):
        try:
            for message in range(10):
                memory.remember([f"{TEXT} {number} {message}"], label=CONFIDENTIAL)
                memory.remember([shared], label=(INTERNAL, CONFIDENTIAL)[number % 2])
        except StoreError as error:
            failures.append(error)

    threads = [threading.Thread(target=remember, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [] == failures
    assert CONFIDENTIAL.join(INTERNAL) == memory.recall([shared])
    every = [f"{TEXT} {number} {message}" for number in range(4) for message in range(10)]
    assert all(CONFIDENTIAL == memory.recall([text]) for text in every)


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_process_has_its_own_connection(opened):
    """A preforking server may open the memory before it forks."""
    memory = opened()
    memory.remember([TEXT], label=CONFIDENTIAL)

    child = os.fork()
    if child == 0:
        known = memory.recall([TEXT])
        memory.remember(["said in the forked process only"], label=CONFIDENTIAL)
        os._exit(0 if known == CONFIDENTIAL else 1)
    _, status = os.waitpid(child, 0)

    assert 0 == os.waitstatus_to_exitcode(status)
    assert CONFIDENTIAL == memory.recall(["said in the forked process only"])


def test_no_text_is_sent(opened, url):
    """Whoever listens on the network, or runs the server, sees digests and label names."""
    with relay(url) as (through, sent):
        memory = opened(through)
        memory.remember([TEXT, f"Notes.\n{TEXT}\nThe end."], label=CONFIDENTIAL)
        memory.recall([TEXT])
        memory.close()

    bytes_sent = b"".join(sent)
    assert b"confidential" in bytes_sent
    digests = memory._digests.to_recall([TEXT])
    assert any(form in bytes_sent for it in digests for form in (it, it.hex().encode()))
    for secret in (b"forecast", b"northern", b"notes", KEY, KEY.hex().encode()):
        assert secret not in bytes_sent.lower()


def test_the_number_of_entries_is_bounded(opened):
    """A store that is full gives up what was remembered longest ago."""
    memory = opened(max_entries=3)
    texts = [f"confidential message {number}" for number in range(8)]
    for text in texts:
        memory.remember([text], label=CONFIDENTIAL)

    known = [memory.recall([text]) for text in texts].count(CONFIDENTIAL)

    assert known in {3, 4}


def test_a_person_can_be_forgotten(opened):
    """A person may ask that nothing of their messages is kept."""
    memory = opened()
    memory.remember([TEXT, "another confidential message"], label=CONFIDENTIAL)

    memory.forget([TEXT])

    assert opened().recall([TEXT]) is None
    assert CONFIDENTIAL == memory.recall(["another confidential message"])


@pytest.mark.parametrize(
    "scale",
    [
        Scale.of(["public", "internal", "restricted"], compartments=["personal"]),
        Scale.of(["open", "closed"]),
    ],
)
def test_a_level_that_no_longer_exists_is_the_strictest(opened, scale):
    """Renaming a level in the configuration never opens what was closed."""
    opened().remember([TEXT], label=SCALE.label("confidential", compartments=["personal"]))

    assert scale.strictest == opened(scale=scale).recall([TEXT])


def test_another_key_is_an_error(opened):
    """With the wrong key nothing would be found, and nobody would notice."""
    opened().remember([TEXT], label=CONFIDENTIAL)
    other = opened(key=bytes(32))

    with pytest.raises(StoreError, match="was filled with another key"):
        other.recall([TEXT])
    with pytest.raises(StoreError, match="was filled with another key"):
        other.remember([TEXT], label=CONFIDENTIAL)


def test_a_closed_memory_is_an_error(opened):
    """After closing nobody gets the answer "unknown" by accident."""
    memory = opened()
    memory.remember([TEXT], label=CONFIDENTIAL)
    memory.close()
    memory.close()

    with pytest.raises(StoreError, match="is closed"):
        memory.recall([TEXT])


def test_entries_in_redis_expire(redis, redis_url):
    """What is past its retention is gone without anybody asking."""
    memory = made(redis_url, max_age_s=100)
    memory.remember([TEXT], label=INTERNAL)
    keys = [key for key in redis.scan_iter() if redis.type(key) == b"set"]
    redis.expire(keys[0], 5)

    memory.remember([TEXT], label=CONFIDENTIAL)
    memory.close()

    assert 1 == len(keys)
    assert 95 <= redis.ttl(keys[0]) <= 100


def test_entries_in_redis_are_found_until_they_expire(redis, redis_url):
    """An expired entry is unknown, and no error."""
    memory = made(redis_url)
    memory.remember([TEXT], label=CONFIDENTIAL)
    for key in list(redis.scan_iter()):
        if redis.type(key) == b"set":
            redis.expire(key, 0)

    assert memory.recall([TEXT]) is None
    memory.close()


def test_labels_in_postgresql_age_together(database, postgresql_url):
    """A label given later doesn't outlive the higher one that was given before."""
    now = [1_000_000.0]
    memory = made(postgresql_url, clock=lambda: now[0], max_age_s=100)
    memory.remember([TEXT], label=CONFIDENTIAL)
    now[0] += 90
    memory.remember([TEXT], label=INTERNAL)
    now[0] += 90
    later = memory.recall([TEXT])
    now[0] += 11
    too_late = memory.recall([TEXT])
    memory.purge()
    memory.close()

    assert CONFIDENTIAL.join(INTERNAL) == later
    assert too_late is None
    assert (0,) == database.execute("SELECT count(*) FROM hybridllm_memory").fetchone()


def sources(*, key_env="HYBRIDLLM_KEY", **memory):
    organisation = SimpleNamespace(
        detection=SimpleNamespace(memory=MemoryConfig(**memory)),
        state=SimpleNamespace(key_env=key_env),
    )
    return SimpleNamespace(organisation=organisation, shown="hybridllm.toml")


COMPLETE = {"store": "redis", "url_env": "MEMORY_URL", "networks": ["10.20.0.0/16"]}
NETWORKS = "detection.memory.networks"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({**COMPLETE, "store": "sqlite"}, "url_env: contradicts store = 'sqlite'"),
        ({**COMPLETE, "store": "volatile"}, "url_env: contradicts store = 'volatile'"),
        ({**COMPLETE, "persistent": False}, "persistent: contradicts store = 'redis'"),
        ({**COMPLETE, "url_env": None}, "url_env: is missing"),
        ({**COMPLETE, "networks": []}, f"{NETWORKS}: is missing"),
        ({**COMPLETE, "networks": ["ten"]}, rf"{NETWORKS}\[0\]: is 'ten'; expected"),
        ({**COMPLETE, "networks": ["0.0.0.0/0"]}, rf"{NETWORKS}\[0\]: .* holds public addresses"),
        ({**COMPLETE, "networks": ["10.0.0.0/8", "8.8.0.0/16"]}, r"networks\[1\]: is '8.8.0.0/16'"),
        ({**COMPLETE, "key_env": None}, r"state\.key_env: is missing"),
        (COMPLETE, "the variable MEMORY_URL is not set"),
    ],
)
def test_settings_that_would_not_work_stop_the_start(settings, message):
    """A shared memory that half the machines cannot use is a mistake, and named."""
    with pytest.raises(ConfigurationError, match=message):
        shared_store(sources(**settings), environment={})


@pytest.mark.parametrize("settings", [{}, {"store": "volatile"}, {"persistent": False}])
def test_no_server_is_the_default(settings):
    """Who names no server needs none."""
    assert shared_store(sources(**settings), environment={}) is None


def test_a_volatile_store_writes_nothing(tmp_path):
    """Who wants nothing on the disk says so."""
    memory = open_memory(MemoryConfig(store="volatile"), scale=SCALE, state=tmp_path, key=KEY)

    assert isinstance(memory, VolatileMemory)
    assert [] == list(tmp_path.iterdir())


def test_the_settings_lead_to_the_server(url, tmp_path):
    """Three lines of configuration and one variable are all that it takes."""
    store = "redis" if url.startswith("redis") else "postgresql"
    settings = {"store": store, "url_env": "MEMORY_URL", "networks": ["127.0.0.0/8"]}
    shared = shared_store(sources(**settings), environment={"MEMORY_URL": url})
    memories = [
        open_memory(MemoryConfig(**settings), scale=SCALE, state=tmp_path, key=KEY, shared=shared)
        for _ in range(2)
    ]

    memories[0].remember([TEXT], label=CONFIDENTIAL)

    assert CONFIDENTIAL == memories[1].recall([TEXT])
    assert url not in repr(shared)
    for memory in memories:
        memory.close()
