"""What the demo asks: twelve requests of an ordinary business day.

Answers: who asks what, what in it is confidential, and where should it go?
Not here: asking (`run`), searching the recording (`leak`).

People, companies and numbers are made up. The card number is a published test number,
the My Number has a valid check digit and belongs to nobody known, and addresses end in
`.example`, which is reserved (RFC 2606). "架空" means fictitious.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hybridllm.demo.leak import SHORTEST_FRAGMENT

Message = Mapping[str, object]

SALES = "sales"
LEGAL = "legal"
CODE_NAMES = ("Project Kingfisher", "カワセミ計画")
"""Projects in the organisation's list of sensitive names."""
CUSTOMERS = ("架空電機株式会社", "Kakuu Denki")
"""Customers in the same list."""

CARD = "4111 1111 1111 1111"
"""A test number that card networks publish; its Luhn digit is right."""
MY_NUMBER = "１２３４ ５６７８ ９０１８"
EMAIL = "hanako.yamada@kakuu-denki.example"
SHARED_PHRASE = "Tulip-Harbour-58"

_SENTENCE = re.compile(r"[.!?。！？\n]+")


@dataclass(frozen=True, slots=True)
class StoryRequest:
    """One request and what is known about it.

    Attributes:
        title: What the table says.
        department: Who asks.
        language: `en` or `ja`.
        messages: As the chat API takes them.
        secrets: What in it must never leave; empty for an ordinary request.
        label: The level that the caller declares, where one does.
    """

    title: str
    department: str
    language: str
    messages: tuple[Message, ...]
    secrets: tuple[str, ...] = ()
    label: str | None = None

    @property
    def is_confidential(self) -> bool:
        """Whether it must stay inside."""
        return bool(self.secrets or self.label)

    @property
    def texts(self) -> tuple[str, ...]:
        """Every text of the messages that a person or a tool wrote."""
        return tuple(_texts(self.messages))

    @property
    def last_text(self) -> str:
        """The last turn, which is what a screen shows of it."""
        return str(self.messages[-1]["content"])


def _ask(text: str) -> tuple[Message, ...]:
    return ({"role": "user", "content": text},)


_ORDER = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "find_order", "arguments": '{"order": "88-1204"}'},
}

FORCE_MAJEURE = StoryRequest(
    title="What is force majeure?",
    department=LEGAL,
    language="en",
    messages=_ask("Explain in one sentence what a force majeure clause is for."),
)
CODE_NAME = StoryRequest(
    title="Agenda for suppliers",
    department=SALES,
    language="en",
    messages=_ask("Write a one-line agenda for the Project Kingfisher call with our supplier."),
    secrets=("Project Kingfisher",),
)

REQUESTS: tuple[StoryRequest, ...] = (
    StoryRequest(
        title="Subject line for a mail",
        department=SALES,
        language="en",
        messages=_ask("Write a subject line for a thank-you mail after a trade fair."),
    ),
    StoryRequest(
        title="Apology to a customer",
        department=SALES,
        language="en",
        messages=_ask(
            f"Write a short apology to Hanako Yamada ({EMAIL}): "
            "her twelve pumps will arrive a week late."
        ),
        secrets=(EMAIL, "Hanako Yamada"),
    ),
    StoryRequest(
        title="展示会のお礼メール",
        department=SALES,
        language="ja",
        messages=_ask("展示会のあとに送るお礼メールの件名を三つ考えてください。"),
    ),
    StoryRequest(
        title="支払調書の送付状",
        department=LEGAL,
        language="ja",
        messages=_ask(
            "支払調書の送付状を書いてください。"
            f"支払先の山田花子さんのマイナンバーは{MY_NUMBER}です。"
        ),
        secrets=(MY_NUMBER,),
    ),
    StoryRequest(
        title="Refund to a card",
        department=SALES,
        language="en",
        messages=_ask(f"Confirm to the buyer that we refunded 480 dollars to card {CARD}."),
        secrets=(CARD,),
    ),
    StoryRequest(
        title="Note with a password",
        department=LEGAL,
        language="en",
        messages=_ask(
            "Write one line to our lawyers: "
            f"the data room opens on Monday, password: {SHARED_PHRASE}"
        ),
        secrets=(SHARED_PHRASE,),
    ),
    StoryRequest(
        title="社外秘の方針の要約",
        department=SALES,
        language="ja",
        messages=_ask(
            "【社外秘】次の方針を一文に要約してください。"
            "来期は東日本の営業所を二つに分け、代理店を三社に絞ります。"
        ),
        secrets=("東日本の営業所を二つに分け", "代理店を三社に絞ります"),
    ),
    CODE_NAME,
    FORCE_MAJEURE,
    StoryRequest(
        title="Customer in a tool's result",
        department=SALES,
        language="en",
        messages=(
            {"role": "user", "content": "Who placed order 88-1204?"},
            {"role": "assistant", "content": "", "tool_calls": [_ORDER]},
            {
                "role": "tool",
                "tool_call_id": "call_1",
                "content": f'{{"buyer": "Kakuu Denki", "contact": "{EMAIL}"}}',
            },
            {"role": "user", "content": "Thanks! Write one friendly closing sentence."},
        ),
        secrets=(EMAIL, "Kakuu Denki"),
    ),
    StoryRequest(
        title="最初の発言に計画の名前",
        department=LEGAL,
        language="ja",
        messages=(
            {"role": "user", "content": "カワセミ計画の契約は架空電機との連名にします。"},
            {"role": "assistant", "content": "承知しました。"},
            {"role": "user", "content": "では、短いあいさつ文を一つ書いてください。"},
        ),
        secrets=("カワセミ計画", "架空電機との連名"),
    ),
    StoryRequest(
        title="Labelled by the caller",
        department=LEGAL,
        language="en",
        messages=_ask("Rewrite politely: we will open the second warehouse in May."),
        secrets=("second warehouse in May",),
        label="confidential",
    ),
)


def confidential_fragments(requests: Sequence[StoryRequest] = REQUESTS) -> tuple[str, ...]:
    """Return every secret and every sentence of the requests that must stay inside.

    A sentence that an ordinary request holds as well is left out: it proves nothing.
    """
    ordinary = "\n".join(
        text for request in requests if not request.is_confidential for text in request.texts
    )
    fragments: dict[str, None] = {}
    for request in requests:
        if request.is_confidential:
            sentences = [part for text in request.texts for part in _SENTENCE.split(text)]
            fragments |= dict.fromkeys((*request.secrets, *map(str.strip, sentences)))
    return tuple(
        text for text in fragments if len(text) >= SHORTEST_FRAGMENT and text not in ordinary
    )


def _texts(value: object) -> Iterator[str]:
    """Yield the texts below `value`; names that the API defines are no texts."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key not in {"role", "type", "id", "tool_call_id", "name"}:
                yield from _texts(item)
    elif isinstance(value, Sequence):
        for item in value:
            yield from _texts(item)
