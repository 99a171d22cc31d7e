"""`hybridllm adapter`: keep LoRA adapters, and let only checked ones serve.

Answers: how are adapters imported, checked, promoted and withdrawn from a terminal?
Not here: the registry and the checks (`hybridllm.adapters`), loading into an engine.

Exit status 1 means that an adapter was refused; every reason is shown.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hybridllm.cli import status
from hybridllm.cli.calls import add_common_options
from hybridllm.cli.terminal import make_console, make_table, write_json
from hybridllm.cli.texts import read_request
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from hybridllm.adapters import AdapterRegistry, AdapterVersion, Facts, Reason

_PIECE_BYTES: Final = 2**20


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "adapter",
        help="keep LoRA adapters, and let only checked ones serve",
        description="Keep LoRA adapters. One serves only after it was imported, verified"
        " against its base model and promoted to an alias.",
    )
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_import(verbs.add_parser("import", help="copy a trained adapter in"))
    verbs.add_parser("list", help="name all versions and aliases")
    show = verbs.add_parser("show", help="say all that is known of one version")
    verify = verbs.add_parser("verify", help="check a version against its base model")
    verify.add_argument(
        "--base", required=True, type=Path, metavar="DIR", help="folder of the base model"
    )
    verify.add_argument("--base-id", metavar="ID", help="its name (default: the manifest's)")
    verify.add_argument(
        "--engine", choices=("in_process", "vllm", "sglang"), help="apply the rules of an engine"
    )
    verify.add_argument("--max-rank", type=int, metavar="N", help="that the engine serves")
    promote = verbs.add_parser("promote", help="point an alias to a verified version")
    promote.add_argument("--alias", required=True, metavar="NAME")
    promote.add_argument(
        "--waive-gate", action="store_true", help="promote without looking at the metrics"
    )
    rollback = verbs.add_parser("rollback", help="point an alias to the version before")
    rollback.add_argument("alias", metavar="ALIAS")
    revoke = verbs.add_parser("revoke", help="stop weights from serving for good")
    remove = verbs.add_parser("remove", help="delete an alias, or a version that none points to")
    for verb in (show, verify, promote, revoke, remove):
        verb.add_argument("address", metavar="ADDRESS", help="an alias, or NAME@SHA12")
    for verb in (promote, rollback, revoke):
        verb.add_argument("--by", required=True, metavar="NAME", help="who answers for it")
    for verb in verbs.choices.values():
        verb.add_argument(
            "--registry", type=Path, metavar="DIR", help="default: adapters in the state directory"
        )
        verb.add_argument(
            "--trusted-key",
            action="append",
            default=[],
            type=Path,
            metavar="FILE",
            help="public Ed25519 key in PEM; unsigned adapters are refused (may be repeated)",
        )
        add_common_options(verb)


def run(args: argparse.Namespace) -> int:
    """Do what the command line says and return the exit status."""
    return _VERBS[args.verb](args, _open(args))


def _add_import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="what training wrote")
    told = parser.add_argument_group("what must be told, unless the folder has a manifest.json")
    told.add_argument("--name", metavar="NAME", help="of the adapter")
    told.add_argument("--base", type=Path, metavar="DIR", help="folder of the base model")
    told.add_argument("--base-id", metavar="ID", help="name of the base model")
    told.add_argument("--label", metavar="LEVEL", help="of the most sensitive training row")
    told.add_argument("--compartment", action="append", default=[], metavar="NAME")
    told.add_argument(
        "--department", action="append", default=[], metavar="NAME", help="may use it; * is all"
    )
    told.add_argument("--licence", metavar="ID", help="of the adapter, such as apache-2.0")
    told.add_argument("--base-licence", metavar="ID", help="of the base model")
    more = parser.add_argument_group("what may be told")
    more.add_argument("--base-revision", default="", metavar="COMMIT")
    more.add_argument(
        "--base-name", action="append", default=[], metavar="NAME",
        help="what training called the base model, such as a path (may be repeated)",
    )  # fmt: skip
    more.add_argument("--training-data", type=Path, metavar="FILE", help="only its hash is kept")
    more.add_argument("--metrics", metavar="FILE", help="losses before and after, as JSON")
    more.add_argument("--notice", action="append", default=[], metavar="TEXT")
    more.add_argument("--sign-key", type=Path, metavar="FILE", help="private Ed25519 key in PEM")


def _open(args: argparse.Namespace) -> AdapterRegistry:
    from hybridllm.adapters import AdapterRegistry
    from hybridllm.config.files import read_file
    from hybridllm.config.schema import OrganisationFile
    from hybridllm.config.survey import survey
    from hybridllm.policy.load import build_scale

    found = survey(args.config)
    organisation, _ = read_file(found.file, shape=OrganisationFile, shown=found.file.name)
    scale = build_scale(organisation.labels, file=found.file.name)
    keys = tuple(_bytes(path) for path in args.trusted_key)
    root = args.registry or found.state / "adapters"
    return AdapterRegistry(root, scale=scale, public_keys=keys)


def _import(args: argparse.Namespace, registry: AdapterRegistry) -> int:
    from hybridllm.adapters import FolderSource, Wish

    has_manifest = (args.folder / "manifest.json").is_file()
    wish = Wish(
        args.name,
        None if has_manifest and args.base is None else _facts(args),
        None if args.sign_key is None else _bytes(args.sign_key),
    )
    folder = args.folder.resolve()
    found = registry.import_adapter(FolderSource(folder.parent), reference=folder.name, wish=wish)
    return _done(args, found, f"imported {found.version}; it serves after verify and promote")


def _facts(args: argparse.Namespace) -> Facts:
    from pydantic import ValidationError

    from hybridllm.adapters import Facts, Licence, Metrics, TrainingData, read_skeleton
    from hybridllm.adapters.schema import MetricsEntry

    wanted = ("name", "base", "base_id", "label", "department", "licence", "base_licence")
    if missing := [f"--{name.replace('_', '-')}" for name in wanted if not getattr(args, name)]:
        raise ConfigurationError(f"also needs {', '.join(missing)}", key="adapter import")
    metrics = None
    if args.metrics is not None:
        try:
            metrics = Metrics(**MetricsEntry(**read_request(args.metrics)).model_dump())
        except ValidationError as error:
            places = ", ".join(".".join(map(str, row["loc"])) for row in error.errors())
            raise ConfigurationError("has wrong keys", file=args.metrics, key=places) from None
    skeleton = read_skeleton(
        args.base, id=args.base_id, revision=args.base_revision, names=tuple(args.base_name)
    )
    data = None if args.training_data is None else _file_sha256(args.training_data)
    return Facts(
        base=skeleton.id,
        data=TrainingData(args.label, tuple(sorted(args.compartment)), sha256=data),
        licence=Licence(args.licence, args.base_licence, tuple(args.notice)),
        departments=tuple(args.department),
        metrics=metrics,
    )


def _verify(args: argparse.Namespace, registry: AdapterRegistry) -> int:
    from dataclasses import replace

    from hybridllm.adapters import ENGINES, read_skeleton

    found = registry.show(args.address)
    engine = None if args.engine is None else ENGINES[args.engine]
    if args.max_rank is not None:
        if engine is None:
            raise ConfigurationError("--max-rank needs --engine", key="adapter verify")
        engine = replace(engine, max_rank=args.max_rank)
    skeleton = read_skeleton(args.base, id=args.base_id or found.manifest.facts.base.id)
    reasons = registry.verify(found.version, skeleton=skeleton, engine=engine)
    if args.json:
        rows = [asdict(reason) for reason in reasons]
        write_json({"version": found.version, "verified": not reasons, "reasons": rows})
    else:
        _show_reasons(f"{found.version}: {'refused' if reasons else 'verified'}", reasons)
    return status.REFUSED if reasons else status.OK


def _promote(args: argparse.Namespace, registry: AdapterRegistry) -> int:
    from hybridllm.adapters import Gate

    gate = None if args.waive_gate else Gate()
    found = registry.promote(args.address, alias=args.alias, by=args.by, gate=gate)
    return _done(args, found, f"{args.alias} means {found.version} now")


def _rollback(args: argparse.Namespace, registry: AdapterRegistry) -> int:
    found = registry.rollback(args.alias, by=args.by)
    return _done(args, found, f"{args.alias} means {found.version} again")


def _revoke(args: argparse.Namespace, registry: AdapterRegistry) -> int:
    found = registry.revoke(args.address, by=args.by)
    return _done(args, found, f"{found.version} is revoked, and so are its weights elsewhere")


def _remove(args: argparse.Namespace, registry: AdapterRegistry) -> int:
    registry.remove(args.address)
    if args.json:
        write_json({"removed": args.address})
    else:
        make_console().print(f"removed {args.address}", soft_wrap=True)
    return status.OK


def _list(args: argparse.Namespace, registry: AdapterRegistry) -> int:
    found, damaged = registry.versions(), registry.damaged()
    if args.json:
        write_json(
            {
                "versions": [_document(version) for version in found],
                "damaged": [{"version": name, "message": why} for name, why in damaged],
            }
        )
    else:
        table = make_table("version", "status", "aliases", "label", "departments")
        for version in found:
            aliases = ", ".join(version.aliases)
            departments = ", ".join(version.manifest.facts.departments)
            row = (version.version, version.status, aliases, str(version.label), departments)
            table.add_row(*row)
        console = make_console()
        console.print(table)
        for name, why in damaged:
            console.print(f"damaged {name}: {why}", style="bold red", soft_wrap=True)
    return status.REFUSED if damaged else status.OK


def _show(args: argparse.Namespace, registry: AdapterRegistry) -> int:
    found = registry.show(args.address)
    document = _document(found)
    if args.json:
        write_json(document)
        return status.OK
    table = make_table("of the version", "")
    for name, value in document.items():
        if name != "reasons":
            table.add_row(name.replace("_", " "), str(value))
    make_console().print(table)
    if found.verification:
        _show_reasons("its last verification failed", found.verification)
    return status.OK


def _document(found: AdapterVersion) -> dict[str, Any]:
    manifest, facts = found.manifest, found.manifest.facts
    return {
        "version": found.version,
        "status": found.status.value,
        "aliases": list(found.aliases),
        "label": str(found.label),
        "departments": list(facts.departments),
        "base": facts.base.id,
        "base_weights_sha256": facts.base.weights_sha256,
        "rank": manifest.lora.rank,
        "alpha": manifest.lora.alpha,
        "target_modules": list(manifest.lora.target_modules),
        "dtype": manifest.lora.dtype,
        "parameters": manifest.lora.parameters,
        "licence": facts.licence.id,
        "base_licence": facts.licence.base,
        "created": manifest.created,
        "content_sha256": manifest.content_sha256,
        "folder": str(found.folder),
        "verified_for": found.verified_for,
        "reasons": [asdict(reason) for reason in found.verification or ()],
    }


def _show_reasons(title: str, reasons: tuple[Reason, ...]) -> None:
    console = make_console()
    console.print(title, style="bold red" if reasons else None, soft_wrap=True)
    for reason in reasons:
        console.print(f"  {reason.code}: {reason}", soft_wrap=True)


def _done(args: argparse.Namespace, found: AdapterVersion, message: str) -> int:
    if args.json:
        write_json(_document(found))
    else:
        make_console().print(message, soft_wrap=True)
    return status.OK


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_PIECE_BYTES)
    except OSError as error:
        raise ConfigurationError(f"cannot be read ({error.strerror})", file=str(path)) from None


def _file_sha256(path: Path) -> str:
    from hybridllm.adapters.digests import file_sha256

    try:
        return file_sha256(path)
    except OSError as error:
        raise ConfigurationError(f"cannot be read ({error.strerror})", file=str(path)) from None


_VERBS: Final[dict[str, Callable[[argparse.Namespace, AdapterRegistry], int]]] = {
    "import": _import,
    "list": _list,
    "show": _show,
    "verify": _verify,
    "promote": _promote,
    "rollback": _rollback,
    "revoke": _revoke,
    "remove": _remove,
}
