"""What other projects call things, and which kind of ours each one is.

Answers: which label of a model becomes which kind of finding?

A label that stands in no map leads to no finding. Left out on purpose: dates, places,
organisations, addresses of web pages and machines, which are rarely sensitive alone
and make most of the false alarms.

Sources: OntoNotes 5.0 and WikiNER label sets as spaCy's pipelines name them; Sekine's
extended named entities as ja_ginza 5.3.0 names them; Presidio 2.2, supported entities.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ONTONOTES_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {"PERSON": "personal.name", "PER": "personal.name"}
)
"""Labels of spaCy's own pipelines."""

GINZA_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Person": "personal.name",
        "Email": "personal.email",
        "Phone_Number": "personal.phone",
        "Postal_Address": "personal.address",
    }
)
"""Labels of GiNZA."""

PRESIDIO_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "PERSON": "personal.name",
        "EMAIL_ADDRESS": "personal.email",
        "PHONE_NUMBER": "personal.phone",
        "CREDIT_CARD": "financial.card",
        "IBAN_CODE": "financial.iban",
        "US_BANK_NUMBER": "financial.bank_account",
        "US_SSN": "personal.ssn",
        "US_PASSPORT": "personal.passport",
        "US_DRIVER_LICENSE": "personal.driving_licence",
        "US_ITIN": "personal.national_id",
        "US_MBI": "personal.health_insurance",
        "UK_NHS": "personal.national_id",
        "UK_NINO": "personal.national_id",
        "UK_PASSPORT": "personal.passport",
        "UK_DRIVING_LICENCE": "personal.driving_licence",
        "ES_NIF": "personal.national_id",
        "ES_NIE": "personal.national_id",
        "IT_FISCAL_CODE": "personal.national_id",
        "IT_IDENTITY_CARD": "personal.national_id",
        "IT_PASSPORT": "personal.passport",
        "IT_DRIVER_LICENSE": "personal.driving_licence",
        "PL_PESEL": "personal.national_id",
        "FI_PERSONAL_IDENTITY_CODE": "personal.national_id",
        "SE_PERSONNUMMER": "personal.national_id",
        "SG_NRIC_FIN": "personal.national_id",
        "AU_TFN": "personal.national_id",
        "AU_MEDICARE": "personal.health_insurance",
        "IN_AADHAAR": "personal.national_id",
        "IN_PAN": "personal.national_id",
        "IN_PASSPORT": "personal.passport",
        "KR_RRN": "personal.national_id",
        "KR_FRN": "personal.national_id",
        "KR_PASSPORT": "personal.passport",
        "KR_DRIVER_LICENSE": "personal.driving_licence",
        "TH_TNIN": "personal.national_id",
        "TR_NATIONAL_ID": "personal.national_id",
        "CA_SIN": "personal.national_id",
        "ZA_ID_NUMBER": "personal.national_id",
    }
)
"""Entities of Presidio."""
