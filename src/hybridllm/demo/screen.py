"""What the demo shows at a terminal.

Answers: how does a person see what happens?
Not here: what happens (`run`), the summary for machines (`outcome`).

Plain lines only: no cursor is moved while a request runs, so a pipe, a log of a
build and a terminal of 80 columns get the same text. Text from a model is shown
without control characters, which could command the terminal.

Units: seconds, bytes, terminal cells.
"""

from __future__ import annotations

from pathlib import Path

from rich.cells import cell_len
from rich.console import Console, Group
from rich.panel import Panel
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from hybridllm.demo.bytes_shown import shown_lines
from hybridllm.demo.outcome import Evidence, Outcome
from hybridllm.demo.story import StoryRequest
from hybridllm.types import Place

_INDENT = 4
_WIDEST = 100
_CLOUD = "cyan"
_LOCAL = "green"
_NOWHERE = "yellow"
_SHOWN_LINES = 48
_TOY = (
    "The local model is a toy: it shows that requests go the right way, and nothing about "
    "the quality of local models. It speaks no Japanese and writes nonsense then."
)
_NEVER_FIRST = frozenset("、。，．」』）】！？ー")  # may not begin a line (JIS X 4051)


def make_console(*, no_color: bool = False, to_errors: bool = False) -> Console:
    """Return a console that suits the terminal, or the lack of one."""
    console = Console(no_color=no_color, stderr=to_errors, highlight=False, soft_wrap=False)
    console.width = min(console.width, _WIDEST)
    return console


class Screen:
    """Shows the demo as it goes on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._numbers: dict[str, int] = {}  # a request that comes again keeps its number
        self._column = 0
        self._word = ""  # its end has not arrived yet

    def intro(self, *, cloud: str, local: str, count: int) -> None:
        """Say what is about to happen, and what is real in it."""
        sides = Table.grid(padding=(0, 2, 0, 0))
        sides.add_row(Text("cloud", style=_CLOUD), Text(cloud))
        sides.add_row(Text("local", style=_LOCAL), Text(local))
        text = Group(
            Text(f"{count} requests of a business day, one client, one policy.\n"),
            sides,
            Text(f"\n{_TOY}", style="dim"),
        )
        self._console.print(Panel(text, title="hybridllm demo", title_align="left"))

    def note(self, text: str) -> None:
        """Say something between two requests."""
        self._console.print()
        self._console.rule(Text(text, style="bold"), align="left", style="dim")

    def status(self, text: str) -> None:
        """Say what is being prepared."""
        self._console.print(Text(text, style="dim"))

    def download(self, *, total_bytes: int, title: str) -> Progress:
        """Return a progress bar for a download; it has one task."""
        progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            DownloadColumn(),
            console=self._console,
            transient=True,
        )
        progress.add_task(title, total=total_bytes)
        return progress

    def asked(self, request: StoryRequest) -> None:
        """Show who asks what."""
        self._numbers.setdefault(request.title, len(self._numbers) + 1)
        head = Text(f"{self._numbers[request.title]:2}  ", style="dim")
        head.append(f"{request.department:5} ", style="bold")
        turns = len(request.messages)
        tail = f"  (last of {turns} turns)" if turns > 1 else ""
        room = self._console.width - head.cell_len - len(tail) - 1
        head.append(_cut(request.last_text, cells=room))
        head.append(tail, style="dim")
        self._console.print()
        self._console.print(head)

    def judged(self, *, label: str, why: str) -> None:
        """Show how sensitive the request is, and why."""
        line = Text(" " * _INDENT + label, style="magenta")
        line.append(f"  {why}", style="dim")
        self._console.print(line)

    def answering(self, *, place: Place | None, backend: str) -> None:
        """Show where the answer comes from; its text follows by `token`."""
        self._begin_answer(backend, style=_CLOUD if place is Place.CLOUD else _LOCAL)

    def _begin_answer(self, where: str, *, style: str) -> None:
        line = Text(" " * _INDENT)
        line.append(f"{self._arrow} {where}  ", style=style)
        self._column = line.cell_len
        self._console.print(line, end="")

    def token(self, text: str) -> None:
        """Show a piece of the answer as it arrives, wrapped and indented."""
        *whole, self._word = _pieces(self._word + _harmless(text)) or [""]
        for piece in whole:
            self._write(piece)

    def _finish_line(self, last: str = "") -> None:
        self._write(self._word)
        self._word = ""
        if self._column + cell_len(last) >= self._console.width:
            self._console.print()
            last = " " * _INDENT + last
        self._console.print(Text(last, style="dim"))

    def _write(self, piece: str) -> None:
        if self._column + cell_len(piece) >= self._console.width:
            self._console.print()
            self._column = _INDENT + 2
            piece = piece.lstrip()
            self._console.print(" " * self._column, end="")
        self._console.print(Text(piece), end="", soft_wrap=True)
        self._column += cell_len(piece)

    def answered(self, outcome: Outcome) -> None:
        """Show how the request ended."""
        if outcome.error:
            self._begin_answer("nowhere", style=_NOWHERE)
            self.token(f"{outcome.error}: {outcome.detail}.")
            if outcome.cloud_bytes is not None:
                self.token(f" The cloud received {outcome.cloud_bytes} bytes.")
            self._finish_line()
            return
        self._finish_line(f"  {outcome.seconds:.1f} s")

    def table(self, outcomes: list[Outcome], *, seconds: float) -> None:
        """Show all requests once more, a line each."""
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0))
        for column in ("", "request", "label", "why", "where"):
            table.add_column(column, no_wrap=column != "why", overflow="ellipsis")
        table.add_column("time", justify="right", no_wrap=True)
        shown: set[str] = set()
        for outcome in outcomes:
            where, style = _where(outcome)
            title = outcome.request.title
            again = " (again)" if title in shown else ""
            shown.add(title)
            table.add_row(
                str(self._numbers.get(title, "")),
                Text(title + again),
                Text(outcome.level, style="magenta" if outcome.request.is_confidential else ""),
                Text(outcome.why, style="dim"),
                Text(where, style=style),
                f"{outcome.seconds:.2f} s",
            )
        self.note(f"What went where, in {seconds:.0f} s altogether")
        self._console.print(table)

    def recording(self, evidence: Evidence) -> None:
        """Show what the cloud received, byte for byte, as far as there is room."""
        self.note(f"What the cloud received, byte for byte: {evidence.received_bytes:,} bytes")
        lines, omitted = shown_lines(
            evidence.connections, width=self._console.width - 2, limit=_SHOWN_LINES
        )
        for line in lines:
            self._console.print(Text(f"  {line}", style="dim"), no_wrap=True, overflow="crop")
        if omitted:
            self._console.print(Text(f"  ({omitted} more lines in the file)", style="dim"))
        if evidence.file:
            self._path("All of it:", evidence.file)

    def verdict(self, evidence: Evidence, *, kept: bool) -> None:
        """Show the figure that the demo is about, and how it was found."""
        text = Text()
        if evidence.confidential_bytes is None:
            text.append(
                "What the real cloud received cannot be shown: the recording exists only with "
                "the stand-in. The table and the audit log say what was sent.\n"
            )
        else:
            style = "bold green" if evidence.is_clean else "bold red"
            text.append(
                f"confidential bytes received by the cloud: {evidence.confidential_bytes}\n",
                style=style,
            )
            text.append(
                f"Counted in the recording: {evidence.fragments} confidential texts, each in "
                "many encodings. The same search finds "
                f"{evidence.control_bytes:,} bytes in the requests that stayed inside.",
                style="dim",
            )
        if not kept:
            text.append("\nThe demo did not go as promised; see above.", style="bold red")
        self._console.print()
        self._console.print(Panel(text, border_style="green" if kept else "red"))

    def outro(self, folder: Path, *, is_transformers: bool) -> None:
        """Say how to go on from here."""
        self._path("Configuration, departments and audit log of this run:", folder)
        key = "model_path" if is_transformers else "base_url"
        self._console.print(
            Text(
                f"With a real model: name it in hybridllm.toml ([backends.local], {key}), "
                "for example a vLLM server on your own GPUs. Start with: hybridllm init"
            )
        )

    @property
    def _arrow(self) -> str:
        return "→" if self._console.encoding.lower().startswith("utf") else "->"

    def _path(self, title: str, path: Path) -> None:
        # A path is never broken over two lines: it is to be copied.
        self._console.print(Text(title))
        self._console.print(Text(f"  {path}"), soft_wrap=True)


def _where(outcome: Outcome) -> tuple[str, str]:
    if outcome.place is None:
        return "nowhere", _NOWHERE
    return outcome.backend, _CLOUD if outcome.place is Place.CLOUD else _LOCAL


def _harmless(text: str) -> str:
    """Replace what could command a terminal; line ends become spaces."""
    return "".join(character if character.isprintable() else " " for character in text)


def _pieces(text: str) -> list[str]:
    """Split where a line may be broken: before each space, and in Japanese almost anywhere."""
    pieces: list[str] = []
    for character in text:
        is_word = pieces and pieces[-1].isascii() and character.isascii() and character != " "
        if is_word or (pieces and character in _NEVER_FIRST):
            pieces[-1] += character
        else:
            pieces.append(character)
    return pieces


def _cut(text: str, *, cells: int) -> str:
    shown = Text(_harmless(text))
    shown.truncate(max(cells, 10), overflow="ellipsis")
    return shown.plain
