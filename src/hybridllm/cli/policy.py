"""`hybridllm policy`: a policy is written, tested, understood and changed.

Answers: which verbs are there for a policy, and which options do they have?
Not here: what they do (`policy_testing`, `policy_reading`, `policy_changing`, `policy_new`).

Nothing is sent by any of them, and none needs a key of a backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hybridllm.cli.calls import add_call_options, add_common_options

if TYPE_CHECKING:
    import argparse


def register(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = subparsers.add_parser(
        "policy",
        help="write, test, understand and change a policy",
        description="Work with a policy. Nothing is sent, and no key of a backend is needed.",
    )
    verbs = parser.add_subparsers(dest="policy_verb", required=True, metavar="VERB")
    _add_new(verbs)
    _add_test(verbs)
    _add_explain(verbs)
    _add_show(verbs)
    _add_lint(verbs)
    _add_diff(verbs)
    _add_replay(verbs)
    _add_key(verbs)
    _add_sign(verbs)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do what the verb says and return the exit status."""
    from hybridllm.cli import (
        policy_changing,
        policy_new,
        policy_reading,
        policy_signing,
        policy_testing,
    )

    verbs = {
        "new": policy_new.run,
        "test": policy_testing.run,
        "explain": policy_reading.explain,
        "show": policy_reading.show,
        "lint": policy_reading.find_oddities,
        "diff": policy_changing.diff,
        "replay": policy_changing.replay,
        "key": policy_signing.make_key,
        "sign": policy_signing.sign,
    }
    return verbs[args.policy_verb](args)


def _add_new(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "new",
        help="write a department's file to start from, with tests",
        description="Write departments/DEPARTMENT.toml with comments and first tests."
        " A file that exists is not touched.",
    )
    parser.add_argument("department", metavar="DEPARTMENT", help="name of the department")
    parser.add_argument(
        "--language", choices=("en", "ja"), default="en", help="of comments and tests (default: en)"
    )
    add_common_options(parser)


def _add_test(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "test",
        help="run the tests that stand in the files",
        description="Run the [[tests]] of all files. Exit status 1 means that one failed, or"
        " that there is none.",
    )
    parser.add_argument("--department", metavar="NAME", help="only the tests of this department")
    parser.add_argument("--junit", metavar="FILE", help="also write the results as JUnit XML")
    add_common_options(parser)


def _add_explain(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "explain",
        help="why a text is treated like this, and what would have to change",
        description="Say why a text is treated as it is, why each other backend may not receive"
        " it, and what would have to change. Texts that were remembered and documents that were"
        " fingerprinted play no part; `hybridllm explain` looks at these too."
        " Exit status 1 means that no backend may receive it.",
    )
    add_call_options(parser)
    parser.add_argument("--principal", metavar="ID", help="who asks")
    parser.add_argument("--purpose", metavar="NAME", help="what the answer is for")
    parser.add_argument("--application", metavar="NAME", help="which program asks")


def _add_show(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "show",
        help="what is in force for a department, with the origin of each line",
        description="Show the organisation's file and a department's file as one, with file and"
        " key of each line.",
    )
    parser.add_argument(
        "--effective", metavar="DEPARTMENT", required=True, help="for which department"
    )
    add_common_options(parser)


def _add_lint(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "lint",
        help="find rules and entries that do nothing, or too much together",
        description="Find rules that can never change anything or that others make needless,"
        " entries of findings that change nothing, rules that together leave no backend, and"
        " labels and models that nobody can use. Exit status 1 means that something was found.",
    )
    add_common_options(parser)


def _add_diff(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "diff",
        help="which decisions differ between two policies",
        description="Compare two policies by what they decide. Nothing is shown if every request"
        " is treated alike, however different the files are.",
    )
    parser.add_argument("old", metavar="OLD", help="organisation's file, or its folder")
    parser.add_argument("new", metavar="NEW", help="organisation's file, or its folder")
    parser.add_argument(
        "--exit-code", action="store_true", help="exit status 1 if there is a difference"
    )
    parser.add_argument("--json", action="store_true", help="write one JSON document to stdout")


def _add_replay(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "replay",
        help="decide recorded requests again by another policy",
        description="Decide the requests of an audit log again by another policy, and count how"
        " many would go elsewhere, what that costs and which load the engines would have. The"
        " log holds no text. It is verified first, with the key of the installation that --config"
        " names; exit status 1 means that a line was changed.",
    )
    parser.add_argument(
        "--policy", metavar="NEW", required=True, help="organisation's file to try, or its folder"
    )
    parser.add_argument(
        "--audit", metavar="DIR", help="the log (default: the one of the configuration)"
    )
    parser.add_argument(
        "--unverified", action="store_true", help="do not verify the log; needs no key"
    )
    parser.add_argument(
        "--price",
        action="append",
        default=[],
        metavar="BACKEND=PROMPT/COMPLETION",
        help="price per million tokens, such as cloud=2.5/10 (may be repeated)",
    )
    add_common_options(parser)


def _add_key(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "key",
        help="make a key pair that signs files",
        description="Write KEY, which signs and which only its holder may read, and beside it the"
        " public half, which checks. Files that exist are not touched. Needs the extra 'audit'.",
    )
    parser.add_argument("file", metavar="KEY", help="file of the key, such as legal.pem")
    parser.add_argument("--json", action="store_true", help="write one JSON document to stdout")


def _add_sign(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = verbs.add_parser(
        "sign",
        help="sign files of a configuration",
        description="Write a signature beside each file, as FILE.sig: of the organisation's file,"
        " the departments' files, and the word lists, rules and models that they name; or of the"
        " named ones alone. Signatures of other keys are kept. Needs the extra 'audit'.",
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help="files to sign (default: all)")
    parser.add_argument("--key", metavar="KEY", required=True, help="file of the key; see `key`")
    add_common_options(parser)
