"""`hybridllm init`: a configuration to start from.

Answers: which files make up a first configuration, and what is to be done next?
Not here: what the keys mean (`docs/reference/configuration.md`, and the comments themselves).

One set of templates holds the comments in both languages, on lines that start with `#en `
and `#ja `, so that the settings cannot differ. Nothing is overwritten without `--force`, and
nothing is written unless all of it may be.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hybridllm.cli import status
from hybridllm.cli.terminal import write_json
from hybridllm.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse

_TEMPLATES: Final = ("hybridllm.toml", "departments/general.toml", "lexicons/names.csv")
_IGNORED: Final = ".hybridllm/"
_GITIGNORE: Final = ".gitignore"

_IGNORE_COMMENT: Final = "# Key, memory and audit log of hybridllm: never in a repository."

_NEXT: Final = (
    "Write the models' names and your engine's address into hybridllm.toml.",
    "Set OPENAI_API_KEY, or name another variable under api_key_env.",
    "Put your customers and code names into lexicons/names.csv.",
    "Validate: hybridllm check",
    'Try, sending nothing: hybridllm explain "..."',
)


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "init",
        help="write a commented configuration",
        description="Write hybridllm.toml, a department's file, a word list and the entry of"
        " .gitignore that keeps keys and logs out of the repository. Files that exist are"
        " not touched; then nothing is written.",
    )
    parser.add_argument("directory", nargs="?", default=".", metavar="DIR", help="default: here")
    parser.add_argument(
        "--language",
        choices=("en", "ja", "both"),
        default="en",
        help="language of the comments (default: en)",
    )
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    parser.add_argument("--json", action="store_true", help="write one JSON document to stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the files, say which, and return the exit status."""
    folder = Path(args.directory)
    written = write_configuration(folder, language=args.language, replace=args.force)
    if args.json:
        write_json({"written": [path.as_posix() for path in written], "next": list(_NEXT)})
        return status.OK
    for path in written:
        print(f"wrote {path}")
    print("\nnext:")
    for number, step in enumerate(_NEXT, start=1):
        print(f"  {number}. {step}")
    return status.OK


def write_configuration(folder: Path, *, language: str, replace: bool) -> list[Path]:
    """Write a first configuration and return its files.

    Raises:
        ConfigurationError: A file exists and may not be replaced, or cannot be written.
    """
    try:
        for name in _TEMPLATES:
            if not replace and (folder / name).exists():
                raise ConfigurationError(
                    "exists, so nothing was written; --force replaces it", file=str(folder / name)
                )
        for name in _TEMPLATES:
            _write(folder / name, _in_language(_template(name), language=language))
        written = [folder / name for name in _TEMPLATES]
        return [*written, folder / _GITIGNORE] if _ignore(folder / _GITIGNORE) else written
    except OSError as error:
        raise ConfigurationError(
            f"cannot be written ({error.strerror})", file=str(error.filename or folder)
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(
            "is not UTF-8; add the line '.hybridllm/' yourself", file=str(folder / _GITIGNORE)
        ) from None


def _template(name: str) -> str:
    resource = files("hybridllm.cli") / "templates" / name.rpartition("/")[2]
    return resource.read_text(encoding="utf-8")


def _in_language(template: str, *, language: str) -> str:
    """Return a template with its comments in one language, or in both."""
    wanted = ("#en", "#ja") if language == "both" else (f"#{language}",)
    lines = []
    for line in template.splitlines():
        tag, text = line[:3], line[3:]
        if tag in wanted:
            lines.append(f"#{text}")
        elif tag not in ("#en", "#ja"):
            lines.append(line)
    return "\n".join(lines) + "\n"


def _ignore(path: Path) -> bool:
    """Add the entry that keeps the state out of a repository. Return whether it was missing."""
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    if _IGNORED in (line.strip() for line in before.splitlines()):
        return False
    gap = "" if not before or before.endswith("\n") else "\n"
    _write(path, f"{before}{gap}{_IGNORE_COMMENT}\n{_IGNORED}\n")
    return True


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
