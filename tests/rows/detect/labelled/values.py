"""True values of each kind, in the layouts that people write them in."""

from __future__ import annotations

import importlib
import ipaddress
import random
import string
from collections.abc import Callable, Iterator
from functools import cache

import phonenumbers
from faker import Faker

from tests.rows.detect.labelled.published import PUBLISHED_CARDS, PUBLISHED_IBANS

FROM_FAKER = {
    "us_ssn": ("en_US", "ssn", "us.ssn"),
    "us_itin": ("en_US", "itin", "us.itin"),
    "br_cpf": ("pt_BR", "cpf", "br.cpf"),
    "es_dni": ("es_ES", "nif", "es.dni"),
    "es_nie": ("es_ES", "nie", "es.nie"),
    "it_cf": ("it_IT", "ssn", "it.codicefiscale"),
    "pl_pesel": ("pl_PL", "pesel", "pl.pesel"),
    "fi_hetu": ("fi_FI", "ssn", "fi.hetu"),
    "se_pnr": ("sv_SE", "ssn", "se.personnummer"),
    "no_fnr": ("no_NO", "ssn", "no.fodselsnummer"),
    "nl_bsn": ("nl_NL", "ssn", "nl.bsn"),
    "fr_nir": ("fr_FR", "ssn", "fr.nir"),
    "ro_cnp": ("ro_RO", "ssn", "ro.cnp"),
    "hr_oib": ("hr_HR", "ssn", "hr.oib"),
    "ee_ik": ("et_EE", "ssn", "ee.ik"),
    "lv_pk": ("lv_LV", "ssn", "lv.pvn"),
    "cz_rc": ("cs_CZ", "birth_number", "cz.rc"),
    "gr_amka": ("el_GR", "ssn", "gr.amka"),
    "ca_sin": ("en_CA", "ssn", "ca.sin"),
    "ch_ahv": ("de_CH", "ssn", "ch.ssn"),
    "at_svnr": ("de_AT", "ssn", "at.vnr"),
    "cn_ric": ("zh_CN", "ssn", "cn.ric"),
    "kr_rrn": ("ko_KR", "ssn", "kr.rrn"),
    "in_aadhaar": ("en_IN", "aadhaar_id", "in_.aadhaar"),
    "mx_curp": ("es_MX", "curp", "mx.curp"),
    "cl_rut": ("es_CL", "rut", "cl.rut"),
    "ua_rnokpp": ("uk_UA", "ssn", "ua.rntrc"),
    "il_idnr": ("he_IL", "ssn", "il.idnr"),
    "ru_inn": ("ru_RU", "individuals_inn", "ru.inn"),
    "tr_tckn": ("tr_TR", "ssn", "tr.tckimlik"),
    "be_nn": ("nl_BE", "ssn", "be.nn"),
}

FROM_EXAMPLES = {
    "ar_cuit": ("ar.cuit", "20-05536168-2"),
    "au_tfn": ("au.tfn", "123 456 782"),
    "be_nn": ("be.nn", "85.07.30-033.28"),
    "bg_egn": ("bg.egn", "8032056031"),
    "de_idnr": ("de.idnr", "36 574 261 809"),
    "dk_cpr": ("dk.cpr", "211062-5629"),
    "do_cedula": ("do.cedula", "001-1391820-5"),
    "ec_ci": ("ec.ci", "171430710-3"),
    "es_dni": ("es.dni", "54362315-K"),
    "gb_nhs": ("gb.nhs", "943 476 5870"),
    "id_nik": ("id.nik", "3171011708450001"),
    "ie_pps": ("ie.pps", "6433435F"),
    "in_aadhaar": ("in_.aadhaar", "2341 2341 2346"),
    "in_pan": ("in_.pan", "ACUPA7085R"),
    "is_kennitala": ("is_.kennitala", "450401-3150"),
    "jp_my_number": ("jp.in_", "6214 9832 0257"),
    "lt_ak": ("lt.asmens", "33309240064"),
    "my_nric": ("my.nric", "770305-02-1234"),
    "nl_bsn": ("nl.bsn", "111222333"),
    "pk_cnic": ("pk.cnic", "34201-0891231-8"),
    "pt_nif": ("pt.nif", "501 964 843"),
    "si_emso": ("si.emso", "0101006500006"),
    "th_pin": ("th.pin", "1-2345-45678-78-1"),
    "us_ssn": ("us.ssn", "536-90-4399"),
    "za_id": ("za.idnr", "7503305044089"),
    "cz_rc": ("cz.rc", "710319/2745"),
    "ch_ahv": ("ch.ssn", "756.9217.0769.85"),
}

LOCALES = [
    "en_US",
    "en_GB",
    "de_DE",
    "fr_FR",
    "es_ES",
    "it_IT",
    "nl_NL",
    "pl_PL",
    "pt_BR",
    "tr_TR",
    "ru_RU",
    "ja_JP",
    "zh_CN",
    "ar_AA",
]


@cache
def faker(locale: str) -> Faker:
    made = Faker(locale)
    made.seed_instance(len(locale) * 1009 + sum(map(ord, locale)))
    return made


def is_true(module: str, value: str) -> bool:
    """Return what the number's own rules say."""
    return bool(importlib.import_module(f"stdnum.{module}").is_valid(value))


def shuffled_like(draw: random.Random, example: str) -> str:
    """Return the example's layout with each digit and each letter drawn anew."""
    return "".join(
        draw.choice(string.digits)
        if one.isdigit()
        else draw.choice(string.ascii_uppercase)
        if one.isalpha()
        else one
        for one in example
    )


def true_like(draw: random.Random, module: str, example: str) -> str:
    for _ in range(400_000):
        value = shuffled_like(draw, example)
        if is_true(module, value):
            return value
    raise AssertionError(f"no true number like {example}")


def false_like(draw: random.Random, module: str, example: str) -> str | None:
    """Return the number with one digit changed so that its own rules refuse it; None if none do."""
    places = [place for place, one in enumerate(example) if one.isdigit()]
    for _ in range(200):
        place = draw.choice(places)
        value = example[:place] + draw.choice(string.digits) + example[place + 1 :]
        if not is_true(module, value):
            return value
    return None


def national_ids(draw: random.Random, count: int) -> Iterator[tuple[str, str]]:
    """Yield (kind, value), `count` of each kind, all right by their country's own rules."""
    for kind in sorted(FROM_FAKER.keys() | FROM_EXAMPLES.keys() | {"gb_nino"}):
        made = 0
        while made < count:
            if kind == "gb_nino":
                value = "AB {:02} {:02} {:02} C".format(*(draw.randrange(100) for _ in range(3)))
            elif kind in FROM_EXAMPLES and (made % 2 or kind not in FROM_FAKER):
                value = true_like(draw, *FROM_EXAMPLES[kind])
            else:
                locale, method, module = FROM_FAKER[kind]
                value = str(getattr(faker(locale), method)())
                if not is_true(module, value):
                    continue  # several of Faker's providers draw numbers without their sums
            made += 1
            yield kind, value


def email(draw: random.Random) -> str:
    made = faker(draw.choice(LOCALES))
    address = draw.choice([made.ascii_email, made.ascii_company_email, made.ascii_free_email])()
    if draw.random() < 0.15:
        user, _, host = address.partition("@")
        address = f"{user}+{made.random_lowercase_letter()}{draw.randrange(99)}@{host}"
    if draw.random() < 0.1:
        address = address.upper() if draw.random() < 0.3 else address.title()
    if draw.random() < 0.08:
        address = draw.choice(["jürgen.müller@", "zoé@", "иван@"]) + draw.choice(
            ["beispiel.de", "exämple.com", "пример.рф", "example.co.uk"]
        )
    return address


_REGIONS = [
    "US",
    "GB",
    "DE",
    "FR",
    "ES",
    "IT",
    "NL",
    "BE",
    "CH",
    "AT",
    "PT",
    "PL",
    "SE",
    "NO",
    "DK",
    "FI",
    "IE",
    "CZ",
    "RO",
    "GR",
    "TR",
    "BR",
    "MX",
    "AR",
    "AU",
    "IN",
    "JP",
    "KR",
    "CN",
    "AE",
]


def phone(draw: random.Random) -> str:
    """Return a number that its country's plan gives out, in one of the usual layouts."""
    while True:
        region = draw.choice(_REGIONS)
        kind = draw.choice(
            [phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE]
        )
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        national = str(example.national_number)
        example.national_number = int(
            national[:-4] + "".join(draw.choice(string.digits) for _ in range(4))
        )
        if phonenumbers.is_valid_number(example):
            form = draw.choice(
                [
                    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
                    phonenumbers.PhoneNumberFormat.E164,
                    phonenumbers.PhoneNumberFormat.NATIONAL,
                ]
            )
            return phonenumbers.format_number(example, form)


def card(draw: random.Random) -> str:
    number = (
        draw.choice(PUBLISHED_CARDS)
        if draw.random() < 0.2
        else faker("en_US").credit_card_number(
            draw.choice(
                [
                    "visa16",
                    "visa16",
                    "mastercard",
                    "amex",
                    "discover",
                    "diners",
                    "jcb16",
                    "visa13",
                    "maestro",
                    "visa19",
                ]
            )
        )
    )
    if number.startswith("0"):
        return card(draw)  # Faker's Maestro list has a prefix that no card network issues
    gap = draw.choice(["", "", " ", "-"])
    groups = {16: (4, 4, 4, 4), 15: (4, 6, 5), 14: (4, 6, 4), 19: (4, 4, 4, 4, 3)}.get(len(number))
    if not groups or not gap:
        return number
    parts, at = [], 0
    for size in groups:
        parts.append(number[at : at + size])
        at += size
    return gap.join(parts)


_IBAN_LOCALES = [
    "de_DE",
    "en_GB",
    "fr_FR",
    "it_IT",
    "nl_NL",
    "pl_PL",
    "es_ES",
    "pt_PT",
    "tr_TR",
    "sv_SE",
    "no_NO",
    "de_AT",
    "de_CH",
    "fi_FI",
    "el_GR",
    "hr_HR",
]


def iban(draw: random.Random) -> str:
    if draw.random() < 0.3:
        value = draw.choice(PUBLISHED_IBANS)
    else:
        value = faker(draw.choice(_IBAN_LOCALES)).iban()
    layout = draw.random()
    compact = value.replace(" ", "")
    if layout < 0.5:
        return " ".join(compact[at : at + 4] for at in range(0, len(compact), 4))
    if layout < 0.6:
        return "-".join(compact[at : at + 4] for at in range(0, len(compact), 4))
    return compact.lower() if layout > 0.95 else compact


def ip(draw: random.Random) -> str:
    while True:
        value = faker("en_US").ipv4_public() if draw.random() < 0.6 else _ipv6(draw)
        if ipaddress.ip_address(value).is_global:
            return value


def _ipv6(draw: random.Random) -> str:
    address = ipaddress.IPv6Address((0x2A00 << 112) | draw.getrandbits(112) & draw.getrandbits(112))
    return draw.choice([address.compressed, address.exploded, address.compressed.upper()])


GENERIC: dict[str, Callable[[random.Random], str]] = {
    "email": email,
    "phone": phone,
    "card": card,
    "iban": iban,
    "ip": ip,
}
