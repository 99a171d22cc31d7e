"""The passages that most tests check against, and short ways to check."""

from __future__ import annotations

from hybridllm.verify import AnswerVerdict, Reason, SentenceVerdict, Source, Verdict, check_answer

LEAVE = Source(
    "leave",
    "Leave rules",
    "Employees may carry over up to 5 days of annual leave until 31 March 2026. The department"
    " head approves each request. Contractors have no claim to leave. The form is HR-204, and"
    " the fee for late requests is 1,200 yen. Requests are decided within 10 business days.",
)
KYUKA = Source(
    "kyuka",
    "休暇規程",
    "年次有給休暇は最大5日まで翌年度に繰り越すことができる。申請は部門長が承認する。"
    "契約社員には適用しない。申請書は様式HR-204とし、手数料は1,200円である。"
    "可否は10営業日以内に決定する。施行日は令和8年4月1日である。",
)
PUMP = Source("pump", "Pump manual", "The pump P-300 delivers 40 litres a minute.")


def checked(answer: str, *, sources: tuple[Source, ...] = (LEAVE,)) -> AnswerVerdict:
    """Check an answer without a question, a glossary or a model."""
    return check_answer(answer, sources=sources)


def only(answer: str, *, sources: tuple[Source, ...] = (LEAVE,)) -> SentenceVerdict:
    """Check an answer of one sentence."""
    (sentence,) = checked(answer, sources=sources).sentences
    return sentence


def reasons(answer: str, *, sources: tuple[Source, ...] = (LEAVE,)) -> set[Reason]:
    """Return why an answer of one sentence got its verdict, without mere notes."""
    return set(only(answer, sources=sources).reasons) - {Reason.UNCITED}


def is_supported(answer: str, *, sources: tuple[Source, ...] = (LEAVE,)) -> bool:
    return checked(answer, sources=sources).verdict is Verdict.SUPPORTED
