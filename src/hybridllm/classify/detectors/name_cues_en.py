"""Words around English names, as data: titles, labels, public roles.

Answers: which words say that a name stands beside them, or that it is a public one?
Not here: the names (`name_data_en`), judging them (`names_en`).

Source: own collection from business letters and forms.
"""

from __future__ import annotations

CUES = {
    "romaji_honorific": ("*-san", "*-sama", "*-kun", "*-sensei"),
    "en_title": (
        "mr", "mr.", "mrs", "mrs.", "ms", "ms.", "miss", "dr", "dr.", "prof", "prof.", "professor",
        "mx.", "sr.", "sra.", "frau", "herr", "monsieur", "madame", "señor", "señora", "mme",
    ),
    "en_label": (
        "name", "full name", "surname", "last name", "first name", "given name", "family name",
        "patient", "customer name", "employee", "my name is", "applicant", "candidate", "tenant",
        "cardholder", "account holder", "beneficiary", "contact", "contact person", "attn",
        "attention", "regards", "best regards", "sincerely", "kind regards", "cheers", "signed",
        "cc", "on behalf of", "colleague", "manager", "boss", "supervisor", "client", "customer",
        "named", "dear", "hi", "hello", "wife", "husband", "daughter", "son", "sister", "brother",
        "mother", "father", "assistant", "nurse", "teacher", "student", "insured", "claimant",
        "passenger", "guest", "landlord", "neighbour", "neighbor", "coworker", "co-worker",
        "emailed", "called", "recipient", "policyholder", "holder", "resident", "subscriber",
        "member", "engineer", "accountant", "intern", "director", "defendant", "plaintiff",
        "witness", "interviewer", "interviewed", "hired", "met with", "spoke with", "talked to",
        "speak to", "meeting with", "thanks", "i am", "i'm", "this is", "author", "reviewer",
        "assignee", "owner", "sender", "spouse", "guardian", "caller", "pupil", "friend", "lead",
    ),
    "public_role": (
        "president", "prime minister", "senator", "actor", "actress", "singer", "novelist", "poet",
        "painter", "physicist", "philosopher", "mathematician", "composer", "king", "queen",
        "emperor", "inventor", "economist", "minister", "chancellor", "pope", "saint", "scientist",
        "author", "playwright", "astronaut", "footballer", "governor", "rapper", "comedian",
        "celebrity", "historian", "writer", "director", "general", "who", "when", "where",
        "biography", "life", "novel*", "poem*", "book*", "song*", "film*", "movie*", "play*",
        "painting*", "speech*", "quote*", "album*", "theory", "theories", "work", "works", "essay*",
        "lecture*", "symphon*", "theorem*", "stories", "story", "leadership", "philosophy",
        "famous", "did",
    ),
    "public_person": (
        "president", "prime minister", "senator", "actor", "actress", "singer", "novelist", "poet",
        "painter", "physicist", "philosopher", "mathematician", "composer", "biography", "nobel",
        "emperor", "politician", "celebrity", "championship", "world cup", "olympic*", "playwright",
        "astronaut", "historical", "fictional",
    ),
}  # fmt: skip
