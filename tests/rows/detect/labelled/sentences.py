"""Sentences and layouts around a value: eight languages, JSON, tables, CSV, chat, logs."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from tests.rows.detect.labelled import lookalikes, secret_values, values


class Sample(NamedTuple):
    """A text and what it truly holds: (kind, start, end)."""

    text: str
    truth: tuple[tuple[str, int, int], ...]


SPOKEN: dict[str, tuple[str, ...]] = {
    "email": (
        "Please write to {} today.",
        "Schreiben Sie bitte an {}, danke!",
        "Écrivez-moi à {}.",
        "Mi correo es {} y nada más",
        "scrivimi a {}",
        "пишите на {}",
        "请发邮件到{}谢谢",
        "メールは {} です",
        "<{}>",
        "mailto:{}?subject=hi",
        "From: Ada Lovelace <{}>;",
        "({})",
        "contact={}&lang=en",
    ),
    "phone": (
        "Call me at {} tomorrow.",
        "Sie erreichen mich telefonisch, Tel. {}.",
        "Mon numéro de téléphone est le {}.",
        "Mi teléfono es {}, gracias",
        "Il mio telefono: {}",
        "Mój telefon: {}",
        "Meu telefone é {}.",
        "Мой телефон {}",
        "我的电话是 {} 请回电",
        "電話番号：{}",
        "Phone: {}",
        "mobile {} or by mail",
    ),
    "card": (
        "My card number is {} and it was declined.",
        "Meine Kreditkarte {} wurde abgelehnt.",
        "Ma carte bancaire {} ne marche pas.",
        "Mi tarjeta {} no funciona.",
        "la mia carta {} è scaduta",
        "信用卡 {} 被拒绝",
        "カード番号は {} です",
        "Visa {} exp 12/27",
        "card={};cvv=123",
    ),
    "iban": (
        "Please pay to {} by Friday.",
        "Meine IBAN lautet {}, bitte überweisen.",
        "Mon IBAN : {}.",
        "Mi cuenta es {} del banco",
        "IBAN {}",
        "Переведите на {}",
        "iban={};bic=X",
        "账号 {}。",
    ),
    "ip": (
        "I logged in from {} last night.",
        "Die Adresse {} wurde gesperrt.",
        "connexion depuis {}",
        "client {} - - [GET /]",
        "src={} dst=internal",
        "from {}, port 443",
    ),
}

NAMES: dict[str, tuple[str, ...]] = {
    "ar_cuit": ("Mi CUIT es", "CUIL:"),
    "at_svnr": ("Meine SVNR ist", "Sozialversicherungsnummer:"),
    "au_tfn": ("my TFN is", "Tax file number:"),
    "be_nn": ("Mijn rijksregisternummer is", "Numéro national :"),
    "bg_egn": ("ЕГН:", "Моето ЕГН е"),
    "br_cpf": ("Meu CPF é", "CPF:"),
    "ca_sin": ("My social insurance number is", "SIN:"),
    "ch_ahv": ("AHV-Nummer", "No AVS:"),
    "cl_rut": ("Mi RUT es", "RUT:"),
    "cn_ric": ("身份证号", "身份证："),
    "cz_rc": ("Moje rodné číslo je", "rodné číslo:"),
    "de_idnr": ("Meine Steuer-ID lautet", "Steueridentifikationsnummer:"),
    "dk_cpr": ("Mit CPR-nummer er", "CPR:"),
    "do_cedula": ("Mi cédula es", "Cédula:"),
    "ec_ci": ("Mi cédula es", "cédula:"),
    "ee_ik": ("Minu isikukood on", "Isikukood:"),
    "es_dni": ("Mi DNI es", "DNI:"),
    "es_nie": ("Mi NIE es el", "NIE:"),
    "fi_hetu": ("Henkilötunnukseni on", "hetu:"),
    "fr_nir": ("Mon numéro de sécurité sociale est le", "NIR :"),
    "gb_nhs": ("My NHS number is", "NHS no:"),
    "gb_nino": ("My National Insurance number is", "NI number:"),
    "gr_amka": ("Ο ΑΜΚΑ μου είναι", "ΑΜΚΑ:"),
    "hr_oib": ("Moj OIB je", "OIB:"),
    "id_nik": ("NIK saya", "NIK:"),
    "ie_pps": ("My PPS number is", "PPSN:"),
    "il_idnr": ("תעודת זהות", "Teudat Zehut:"),
    "in_aadhaar": ("My Aadhaar is", "आधार"),
    "in_pan": ("My PAN card is", "PAN:"),
    "is_kennitala": ("Kennitala mín er", "kennitala:"),
    "it_cf": ("Il mio codice fiscale è", "CF:"),
    "jp_my_number": ("マイナンバーは", "個人番号："),
    "kr_rrn": ("주민등록번호는", "주민등록번호:"),
    "lt_ak": ("Mano asmens kodas", "Asmens kodas:"),
    "lv_pk": ("Mans personas kods ir", "Personas kods:"),
    "mx_curp": ("Mi CURP es", "CURP:"),
    "my_nric": ("My NRIC is", "No. MyKad:"),
    "nl_bsn": ("Mijn BSN is", "Burgerservicenummer:"),
    "no_fnr": ("Mitt fødselsnummer er", "fnr:"),
    "pk_cnic": ("My CNIC is", "CNIC:"),
    "pl_pesel": ("Mój PESEL to", "PESEL:"),
    "pt_nif": ("O meu NIF é", "Contribuinte:"),
    "ro_cnp": ("CNP-ul meu este", "CNP:"),
    "ru_inn": ("Мой ИНН", "ИНН:"),
    "se_pnr": ("Mitt personnummer är", "personnr:"),
    "si_emso": ("Moj EMŠO je", "JMBG:"),
    "th_pin": ("เลขประจำตัวประชาชน", "Thai ID:"),
    "tr_tckn": ("T.C. kimlik numaram", "TCKN:"),
    "ua_rnokpp": ("Мій РНОКПП", "ІПН:"),
    "us_itin": ("My ITIN is", "ITIN:"),
    "us_ssn": ("My SSN is", "Social security number:"),
    "za_id": ("My ID number is", "SA ID:"),
}


def laid_out(draw: random.Random, kind: str, label: str, value: str) -> Sample:
    """Return the value beside its label in one of the layouts, padded by chatter now and then."""
    layout = draw.choice(
        [
            "{label} {value}.",
            "{label} {value}",
            '{{"{label}": "{value}"}}',
            "| {label} | {value} |",
            "{label}\n{value}\n",
            "- {label}\t{value}",
            "user: hello\nassistant: your data?\nuser: {label} {value}, ok?",
            "{label} {value} ({chatter})",
        ]
    )
    chatter = values.faker(draw.choice(values.LOCALES)).sentence(6)
    return placed(kind, layout.format(label=label, value="\0", chatter=chatter), value)


def placed(kind: str, text: str, value: str) -> Sample:
    start = text.index("\0")
    return Sample(text.replace("\0", value), ((kind, start, start + len(value)),))


def positives(draw: random.Random, count: int) -> Iterator[Sample]:
    """Yield `count` texts of each kind of number, and as many of each secret."""
    for kind, make in values.GENERIC.items():
        for _ in range(count * 4):
            spoken = draw.choice(SPOKEN[kind]).replace("{}", "\0")
            if draw.random() < 0.3:
                spoken = values.faker(draw.choice(values.LOCALES)).sentence(9) + " " + spoken
            yield placed(kind, spoken, make(draw))
    for kind, value in values.national_ids(draw, count):
        yield laid_out(draw, kind, draw.choice(NAMES[kind]), value)
    for kind, make in secret_values.FORMATS.items():
        for _ in range(count):
            text = draw.choice(
                ["export KEY=\0", "use \0 please", '{"key": "\0"}', "key:\n\0\n", "Hier: \0"]
            )
            yield placed(kind, text, make(draw))
    for kind, make in secret_values.ASSIGNED.items():
        for _ in range(count):
            text = draw.choice(secret_values.ASSIGNMENTS[kind]).replace("{}", "\0")
            yield placed(kind, text, make(draw))


def false_nationals(draw: random.Random, count: int) -> Iterator[Sample]:
    """Yield numbers under their true label whose own check refuses them."""
    for kind, (module, example) in values.FROM_EXAMPLES.items():
        for _ in range(count):
            value = values.false_like(draw, module, values.true_like(draw, module, example))
            if value is not None:
                yield Sample(f"{draw.choice(NAMES[kind])} {value}", ())


def build(seed: int = 20, count: int = 40) -> list[Sample]:
    """Return the whole labelled set; the same seed gives the same set but for the PEM keys."""
    draw = random.Random(seed)
    samples = list(positives(draw, count))
    samples += [Sample(text, ()) for text in lookalikes.lookalikes(draw, count * 4)]
    samples += false_nationals(draw, count)
    draw.shuffle(samples)
    return samples
