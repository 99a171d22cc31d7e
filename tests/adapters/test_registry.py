"""Which adapters there are, and which of them may serve."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from hybridllm.adapters import (
    AdapterRefusedError,
    Gate,
    Metrics,
    Status,
    TrainingData,
    UnknownAdapterError,
    Wish,
)
from hybridllm.errors import ConfigurationError, StoreError
from tests.adapters.judging import add, source_of
from tests.adapters.made import CONFIG, SCALE, WEIGHTS, edit_config

GOOD = Metrics(3.1, 2.0, 40, 3.2, 3.3, 40, "in_process")


def codes(raised) -> list[str]:
    return [reason.code for reason in raised.value.reasons]


def test_a_version_is_named_by_its_content(shop):
    """New weights are a new name and a new path, so that no cache takes them for the old."""
    one, two = shop.add(seed=2), shop.add(seed=3)

    assert one.version != two.version
    assert one.folder != two.folder
    assert one.version == f"made@{one.manifest.content_sha256[:12]}"


def test_only_the_files_of_an_adapter_are_taken(shop):
    """What training left beside it does not get into the registry."""
    version = shop.add()

    assert [CONFIG, WEIGHTS, "manifest.json"] == sorted(
        path.name for path in version.folder.iterdir()
    )


def test_importing_the_same_again_changes_nothing(shop):
    """A script that runs twice does no harm: a verified version stays verified."""
    before = shop.add_verified()

    assert Status.VERIFIED is shop.add().status
    assert (before.version,) == tuple(found.version for found in shop.registry.versions())


def test_a_version_serves_only_after_it_was_verified(shop):
    """Being imported is not enough."""
    version = shop.add()

    with pytest.raises(AdapterRefusedError) as raised:
        shop.registry.resolve(version.version)

    assert ["not_verified"] == codes(raised)


def test_an_alias_means_what_was_promoted_last(shop):
    """Whoever asks for the alias gets the new version from then on."""
    old, new = shop.promote("legal", seed=2), shop.promote("legal", seed=3)

    assert new.version == shop.registry.resolve("legal").version
    assert Status.PROMOTED is shop.registry.show(new.version).status
    assert Status.VERIFIED is shop.registry.show(old.version).status


def test_rolling_back_gives_the_version_before(shop):
    """A bad promotion is undone by one command."""
    old, _ = shop.promote("legal", seed=2), shop.promote("legal", seed=3)

    shop.registry.rollback("legal", by="reviewer")

    assert old.version == shop.registry.resolve("legal").version


def test_rolling_back_passes_over_what_must_not_serve(shop):
    """The version before was revoked, so it is the one before that."""
    first = shop.promote("legal", seed=2)
    second = shop.promote("legal", seed=3)
    shop.promote("legal", seed=4)
    shop.registry.revoke(second.version, by="reviewer")

    shop.registry.rollback("legal", by="reviewer")

    assert first.version == shop.registry.resolve("legal").version


def test_there_is_nothing_before_the_first(shop):
    """Rolling back too far changes nothing."""
    version = shop.promote("legal")

    with pytest.raises(AdapterRefusedError) as raised:
        shop.registry.rollback("legal", by="reviewer")

    assert ["no_previous"] == codes(raised)
    assert version.version == shop.registry.resolve("legal").version


def test_a_revoked_version_serves_nobody_at_once(shop):
    """The alias gives an error, and neither an older version nor the base model."""
    shop.promote("legal", seed=2)
    bad = shop.promote("legal", seed=3)
    other_process = shop.again()
    assert bad.version == other_process.resolve("legal").version

    shop.registry.revoke(bad.version, by="reviewer")

    with pytest.raises(AdapterRefusedError) as raised:
        other_process.resolve("legal")
    assert ["revoked"] == codes(raised)


def test_revoked_weights_come_back_under_no_name(shop):
    """Who imports them again, renamed or with another configuration, is refused."""
    bad = shop.promote("legal")
    twin = shop.add_verified(name="twin")
    shop.registry.revoke(bad.version, by="reviewer")
    shop.registry.remove("legal")
    shop.registry.remove(bad.version)
    edit_config(shop.make(), lora_dropout=0.1)

    with pytest.raises(AdapterRefusedError) as raised:
        shop.add(name="innocent")

    assert ["revoked"] == codes(raised)
    assert Status.REVOKED is shop.registry.show(twin.version).status


def test_the_same_weights_get_no_lower_label(shop):
    """An adapter trained on confidential rows is confidential under every name."""
    shop.add(data=TrainingData("confidential", ("personal",)))

    for level, compartments in (("internal", ("personal",)), ("confidential", ())):
        with pytest.raises(AdapterRefusedError) as raised:
            shop.add(name="other", data=TrainingData(level, compartments))
        assert ["label_lowered"] == codes(raised)


def test_the_same_version_with_other_facts_is_refused(shop):
    """Nobody changes who may use a version by importing it again."""
    shop.add()

    with pytest.raises(AdapterRefusedError) as raised:
        shop.add(departments=("*",))

    assert ["version_exists"] == codes(raised)


def test_a_level_that_the_organisation_does_not_have_is_refused(shop):
    """A label that means nothing protects nothing."""
    with pytest.raises(ConfigurationError, match="expected one of"):
        shop.add(data=TrainingData("secret"))

    assert () == shop.registry.versions()


def test_the_label_and_the_departments_travel_with_the_version(shop):
    """Who may use an adapter, and how its answers are labelled, is found with its files."""
    found = shop.promote("legal", data=TrainingData("internal", ("personal",)))

    assert SCALE.label("internal", compartments=["personal"]) == found.label
    assert found.allows("manufacturing")
    assert not found.allows("sales")
    assert not shop.add(seed=3, departments=()).allows("manufacturing")
    assert shop.add(seed=4, departments=("*",)).allows("sales")


@pytest.mark.parametrize("file", [WEIGHTS, CONFIG])
def test_changed_bytes_never_serve(shop, file):
    """Somebody writes into the registry; the next request is refused."""
    version = shop.promote("legal")
    path = shop.registry.resolve("legal").folder / file
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)

    with pytest.raises(AdapterRefusedError) as raised:
        shop.registry.resolve("legal")
    assert ["file_digest"] == codes(raised)
    found = shop.registry.verify(version.version, skeleton=shop.skeleton)
    assert "file_digest" in {reason.code for reason in found}


def test_a_file_put_beside_the_weights_never_serves(shop):
    """Some engines read a pickle that lies there as well."""
    version = shop.promote("legal")
    (version.folder / "adapter_model.bin").write_bytes(b"\x80\x04N.")

    with pytest.raises(AdapterRefusedError) as raised:
        shop.registry.resolve("legal")

    assert ["file_digest"] == codes(raised)


def test_a_link_in_place_of_the_weights_never_serves(shop):
    """What a link leads to can change after the check."""
    version = shop.promote("legal")
    path = version.folder / WEIGHTS
    path.replace(shop.root / "moved")
    try:
        path.symlink_to(shop.root / "moved")
    except OSError:
        pytest.skip("this system makes no links here")

    with pytest.raises(AdapterRefusedError) as raised:
        shop.registry.resolve("legal")

    assert ["file_unreadable"] == codes(raised)


def test_an_edited_manifest_is_no_longer_verified(shop):
    """Whoever lowers the label in the file has to have it verified again."""
    version = shop.promote("legal")
    path = version.folder / "manifest.json"
    path.chmod(0o600)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("confidential", "public"), encoding="utf-8")

    with pytest.raises(AdapterRefusedError) as raised:
        shop.registry.resolve("legal")

    assert ["not_verified"] == codes(raised)


def test_a_folder_renamed_to_another_version_is_refused(shop):
    """The name of a version is checked against its content."""
    one, two = shop.promote("legal", seed=2), shop.promote("sales", seed=3)
    one.folder.rename(one.folder.with_name("made@000000000000"))
    two.folder.rename(one.folder)

    with pytest.raises(StoreError, match="another version"):
        shop.registry.resolve("legal")


def test_two_contents_with_the_same_twelve_digits_are_two(shop):
    """Twelve digits can be forged; an alias remembers all sixty-four."""
    shop.promote("legal")
    path = shop.root / "registry" / "aliases" / "legal.json"
    alias = json.loads(path.read_text(encoding="utf-8"))
    alias["promotions"][-1]["content_sha256"] = "0" * 64
    path.write_text(json.dumps(alias), encoding="utf-8")

    with pytest.raises(AdapterRefusedError) as raised:
        shop.registry.resolve("legal")

    assert ["alias_content"] == codes(raised)


def test_a_version_that_fails_serves_no_longer(shop):
    """The base model was replaced; the adapter on it stops and does not answer wrongly."""
    version = shop.promote("legal")
    from dataclasses import replace

    other = replace(shop.skeleton, id=replace(shop.skeleton.id, weights_sha256="0" * 64))

    reasons = shop.registry.verify("legal", skeleton=other)

    assert ["base_weights"] == [reason.code for reason in reasons]
    assert reasons == shop.registry.show(version.version).verification
    with pytest.raises(AdapterRefusedError):
        shop.registry.resolve("legal")


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        (None, ["gate_no_metrics"]),
        (Metrics(3.0, 2.9, 40, 3.0, 3.0, 40), ["gate_domain"]),
        (Metrics(3.0, 1.0, 40, 3.0, 3.3, 40), ["gate_general"]),
        (Metrics(3.0, 1.0, 29, 3.0, 3.0, 40), ["gate_rows"]),
        (Metrics(0.0, 0.0, 40, 0.0, 0.0, 40), ["gate_domain", "gate_general"]),
        (GOOD, []),
    ],
)
def test_a_version_that_got_worse_is_not_promoted(shop, metrics, expected):
    """Both losses count: on the task and on general text."""
    version = shop.add_verified(metrics=metrics)

    found: list[str] = []
    try:
        shop.registry.promote(version.version, alias="legal", by="reviewer", gate=Gate())
    except AdapterRefusedError as error:
        found = [reason.code for reason in error.reasons]

    assert expected == found
    assert bool(found) != ("legal" in shop.registry.aliases())


@pytest.mark.parametrize("by", ["", "  "])
def test_somebody_answers_for_a_promotion(shop, by):
    """A record without a name helps nobody later."""
    version = shop.add_verified()

    with pytest.raises(ConfigurationError, match="person"):
        shop.registry.promote(version.version, alias="legal", by=by)


def test_what_is_not_verified_is_not_promoted(shop):
    """An alias never points to a version that nobody checked."""
    version = shop.add()

    with pytest.raises(AdapterRefusedError) as raised:
        shop.registry.promote(version.version, alias="legal", by="reviewer")

    assert ["not_verified"] == codes(raised)


def test_a_version_in_use_is_not_removed(shop):
    """First the alias moves or goes, then the version."""
    version = shop.promote("legal")

    with pytest.raises(AdapterRefusedError) as raised:
        shop.registry.remove(version.version)

    assert ["in_use"] == codes(raised)
    shop.registry.remove("legal")
    shop.registry.remove(version.version)
    assert () == shop.registry.versions()


def test_what_was_removed_and_imported_again_is_verified_again(shop):
    """A verification belongs to an import, not to a name."""
    version = shop.add_verified()
    shop.registry.remove(version.version)

    assert Status.IMPORTED is shop.add().status


@pytest.mark.parametrize("address", ["legal", "made@0123456789ab", "../made", "", "LEGAL", "a/b@c"])
def test_an_unknown_name_is_a_typed_error(shop, address):
    """A missing adapter is an error, never the base model in silence; and no name is a path."""
    shop.promote("sales")

    for ask in (shop.registry.resolve, shop.registry.show, shop.registry.remove):
        with pytest.raises(UnknownAdapterError, match="expected one of"):
            ask(address)


@pytest.mark.parametrize(
    "name", ["", "Legal", "法務", "a" * 65, "-a", "con", "com1", "a.b", "a/b", ".."]
)
def test_names_that_some_system_does_not_take_are_refused(shop, name):
    """A name works as a folder on every system, and as a model's name on every engine."""
    with pytest.raises(ConfigurationError, match="name"):
        shop.add(name=name)
    version = shop.add_verified()
    with pytest.raises(ConfigurationError, match="name"):
        shop.registry.promote(version.version, alias=name, by="reviewer")


def test_an_adapter_may_bring_its_manifest(shop):
    """Where training wrote one, nothing has to be told again."""
    folder = shop.make()
    made = shop.add()
    data = (made.folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(data)
    shop.registry.remove(made.version)

    found = add(shop.registry, folder, told=None, name=None)

    assert made.version == found.version
    assert data == (found.folder / "manifest.json").read_bytes()


def test_the_importer_cannot_contradict_the_manifest(shop):
    """A label that came with the adapter is not lowered on the way in."""
    folder = shop.make()
    made = shop.add()
    (folder / "manifest.json").write_bytes((made.folder / "manifest.json").read_bytes())

    with pytest.raises(ConfigurationError, match="something else"):
        add(shop.registry, folder, told=shop.told(data=TrainingData("public")))


def test_an_adapter_without_manifest_needs_facts(shop):
    """Nobody guesses a label."""
    source, reference = source_of(shop.make())

    with pytest.raises(ConfigurationError, match="must be told"):
        shop.registry.import_adapter(source, reference=reference, wish=Wish(None, None))


def test_checking_loads_neither_torch_nor_peft():
    """A registry runs where no model could."""
    code = "import sys, hybridllm.adapters as a; a.AdapterRegistry; print("
    code += "{'torch', 'peft', 'numpy', 'cryptography', 'openai'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert "set()" == done.stdout.strip()
