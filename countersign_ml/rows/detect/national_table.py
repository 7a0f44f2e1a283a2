"""National identity numbers: how each is written, which rule confirms it, and the words near it.

`alone` is a layout so particular that its check digits settle it (a test holds the share of random
strings so written that pass below 3 %). `worded` is any other layout, believed only beside one
of the number's own words: nearly every run of nine to thirteen digits is right in some country.
"""

from __future__ import annotations

from typing import NamedTuple


class National(NamedTuple):
    """One kind of number; `validator` is a module of python-stdnum."""

    kind: str
    title: str
    validator: str
    alone: str
    worded: str
    words: str
    checked: bool = True
    """Whether the number carries a check digit."""


NUMBERS: tuple[National, ...] = (
    National("ar_cuit", "Argentina: CUIT/CUIL", "ar.cuit", "",
             r"\d{2}-\d{8}-\d|\d{11}", "cuit,cuil"),
    National("at_svnr", "Austria: Sozialversicherungsnummer", "at.vnr", "",
             r"\d{4} ?\d{6}", "svnr,sv-nummer,sv-nr,sozialversicherungsnummer,vsnr,"
             "versicherungsnummer"),
    National("au_tfn", "Australia: tax file number", "au.tfn", "",
             r"\d{3} ?\d{3} ?\d{2,3}", "tfn,tax file number"),
    National("be_nn", "Belgium: national number", "be.nn",
             r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}", r"\d{2} ?\d{2} ?\d{2} ?\d{3} ?\d{2}",
             "rijksregisternummer,rijksregister,registre national,numéro national,"
             "national number,nrn,niss,insz"),
    National("bg_egn", "Bulgaria: ЕГН", "bg.egn", "", r"\d{10}", "егн,egn"),
    National("br_cpf", "Brazil: CPF", "br.cpf",
             r"\d{3}\.\d{3}\.\d{3}-\d{2}", r"\d{9}-?\d{2}", "cpf"),
    National("ca_sin", "Canada: social insurance number", "ca.sin", "",
             r"\d{3}[ -]?\d{3}[ -]?\d{3}",
             "social insurance,sin number,sin:,sin is,my sin,assurance sociale,nas:,numéro nas"),
    National("ch_ahv", "Switzerland: AHV/AVS number", "ch.ssn",
             r"756\.\d{4}\.\d{4}\.\d{2}", r"756\d{10}", "ahv,avs,ahv-nummer,ahv-nr,numéro avs"),
    National("cl_rut", "Chile: RUT/RUN", "cl.rut", "",
             r"\d{1,2}\.\d{3}\.\d{3}-[\dkK]|\d{7,8}-?[\dkK]", "rut,run:,rol único tributario"),
    National("cn_ric", "China: resident identity number", "cn.ric", r"\d{17}[\dXx]", "", ""),
    National("cz_rc", "Czechia and Slovakia: rodné číslo", "cz.rc",
             r"\d{6}/\d{4}", r"\d{10}|\d{6}/?\d{3}", "rodné číslo,rodne cislo,rodného čísla,r.č."),
    National("de_idnr", "Germany: Steuer-ID", "de.idnr", "",
             r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
             "steuer-id,steueridentifikationsnummer,steuerliche identifikationsnummer,idnr,"
             "steuer-identifikationsnummer,steuernummer"),
    National("dk_cpr", "Denmark: CPR", "dk.cpr", "", r"\d{6}[- ]?\d{4}",
             "cpr,cpr-nummer,cpr-nr", checked=False),
    National("do_cedula", "Dominican Republic: cédula", "do.cedula", "",
             r"\d{3}-?\d{7}-?\d", "cédula,cedula"),
    National("ec_ci", "Ecuador: cédula", "ec.ci", "", r"\d{9}-?\d", "cédula,cedula"),
    National("ee_ik", "Estonia: isikukood", "ee.ik", "", r"\d{11}", "isikukood,isikukoodi"),
    National("es_dni", "Spain: DNI", "es.dni", "", r"\d{8}[ -]?[A-Za-z]",
             "dni,nif,d.n.i.,documento nacional de identidad"),
    National("es_nie", "Spain: NIE", "es.nie", "", r"[XYZxyz]-?\d{7}-?[A-Za-z]",
             "nie,nif,dni,número de extranjero,n.i.e."),
    National("fi_hetu", "Finland: henkilötunnus", "fi.hetu",
             r"\d{6}[-+A-FU-Y]\d{3}[0-9A-FHJ-NPR-Y]", "", ""),
    National("fr_nir", "France: NIR", "fr.nir",
             r"[1-478] ?\d{2} ?\d{2} ?(?:\d{2}|2[ABab]) ?\d{3} ?\d{3} ?\d{2}", "", ""),
    National("gb_nhs", "United Kingdom: NHS number", "gb.nhs", "",
             r"\d{3}[ -]?\d{3}[ -]?\d{4}", "nhs"),
    National("gb_nino", "United Kingdom: National Insurance number", "", "",
             r"[A-CEGHJ-PR-TW-Za-ceghj-pr-tw-z][A-CEGHJ-NPR-TW-Za-ceghj-npr-tw-z]"
             r" ?\d{2} ?\d{2} ?\d{2} ?[A-Da-d]",
             "national insurance,ni number,nino,ni no", checked=False),
    National("gr_amka", "Greece: ΑΜΚΑ", "gr.amka", "", r"\d{11}", "αμκα,amka"),
    National("hr_oib", "Croatia: OIB", "hr.oib", "", r"\d{11}", "oib"),
    National("id_nik", "Indonesia: NIK", "id.nik", "", r"\d{16}", "nik,ktp", checked=False),
    National("ie_pps", "Ireland: PPS number", "ie.pps", "",
             r"\d{7}[A-Wa-w][A-IWa-iw]?", "pps,ppsn,personal public service"),
    National("il_idnr", "Israel: identity number", "il.idnr", "", r"\d{8}-?\d",
             "תעודת זהות,ת.ז.,ת״ז,teudat zehut,israeli id,מספר זהות"),
    National("in_aadhaar", "India: Aadhaar", "in_.aadhaar", "",
             r"[2-9]\d{3}[ -]?\d{4}[ -]?\d{4}", "aadhaar,aadhar,uidai,आधार"),
    National("in_pan", "India: PAN", "in_.pan", "", r"[A-Za-z]{5}\d{4}[A-Za-z]",
             "pan card,pan number,pan no,pan:,pan is,my pan,पैन", checked=False),
    National("is_kennitala", "Iceland: kennitala", "is_.kennitala", "",
             r"\d{6}-?\d{4}", "kennitala,kennitölu,kt."),
    National("it_cf", "Italy: codice fiscale", "it.codicefiscale",
             r"(?i:[A-Z]{6}[0-9LMNP-V]{2}[A-EHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z])",
             "", ""),
    National("jp_my_number", "Japan: My Number", "jp.in_", "",
             r"\d{4}[ -]?\d{4}[ -]?\d{4}", "マイナンバー,個人番号,my number,kojin bango"),
    National("kr_rrn", "South Korea: resident registration number", "kr.rrn",
             r"\d{6}-[1-8]\d{6}", r"\d{13}", "주민등록번호,rrn,resident registration"),
    National("lt_ak", "Lithuania: asmens kodas", "lt.asmens", "", r"\d{11}",
             "asmens kodas,asmens kodą,asmens kodo"),
    National("lv_pk", "Latvia: personas kods", "lv.pvn", "", r"\d{6}-?\d{5}",
             "personas kods,personas kodu"),
    National("mx_curp", "Mexico: CURP", "mx.curp",
             r"(?i:[A-Z]{4}\d{6}[HMX][A-Z]{5}[0-9A-Z]\d)", "", ""),
    National("my_nric", "Malaysia: NRIC", "my.nric", "", r"\d{6}-?\d{2}-?\d{4}",
             "nric,mykad,kad pengenalan,ic number,no. ic,no ic", checked=False),
    National("nl_bsn", "Netherlands: BSN", "nl.bsn", "", r"\d{4}\.?\d{2}\.?\d{3}",
             "bsn,burgerservicenummer,sofinummer"),
    National("no_fnr", "Norway: fødselsnummer", "no.fodselsnummer", r"\d{6} ?\d{5}", "", ""),
    National("pk_cnic", "Pakistan: CNIC", "pk.cnic", "", r"\d{5}-?\d{7}-?\d",
             "cnic,nicop,شناختی کارڈ", checked=False),
    National("pl_pesel", "Poland: PESEL", "pl.pesel", "", r"\d{11}", "pesel"),
    National("pt_nif", "Portugal: NIF", "pt.nif", "", r"\d{3} ?\d{3} ?\d{3}",
             "nif,contribuinte,número de contribuinte"),
    National("pt_cc", "Portugal: cartão de cidadão", "pt.cc", "",
             r"\d{8} ?\d ?[A-Za-z0-9]{2}\d", "cartão de cidadão,cartao de cidadao"),
    National("ro_cnp", "Romania: CNP", "ro.cnp", "", r"\d{13}", "cnp,cod numeric personal"),
    National("ru_inn", "Russia: ИНН of a person", "ru.inn", "", r"\d{12}", "инн,inn"),
    National("se_pnr", "Sweden: personnummer", "se.personnummer",
             r"(?:19|20)?\d{6}[-+]\d{4}", r"\d{10}|\d{12}", "personnummer,personnr,pnr"),
    National("si_emso", "Slovenia and neighbours: EMŠO/JMBG", "si.emso", "", r"\d{13}",
             "emšo,emso,jmbg,јмбг"),
    National("th_pin", "Thailand: identity number", "th.pin", "",
             r"\d-?\d{4}-?\d{5}-?\d{2}-?\d",
             "เลขประจำตัวประชาชน,เลขบัตรประชาชน,บัตรประชาชน,thai id,citizen id"),
    National("tr_tckn", "Türkiye: T.C. kimlik no", "tr.tckimlik", "", r"\d{11}",
             "kimlik,kimlik no,tckn,tc no,t.c."),
    National("ua_rnokpp", "Ukraine: РНОКПП", "ua.rntrc", "", r"\d{10}",
             "рнокпп,іпн,ідентифікаційний код,ідентифікаційний номер,rnokpp"),
    National("us_itin", "United States: ITIN", "us.itin", "", r"9\d{2}[- ]?\d{2}[- ]?\d{4}",
             "itin,taxpayer identification", checked=False),
    National("us_ssn", "United States: social security number", "us.ssn",
             r"\d{3}-\d{2}-\d{4}", r"\d{9}|\d{3} \d{2} \d{4}",
             "ssn,social security,social:", checked=False),
    National("za_id", "South Africa: identity number", "za.idnr", "", r"\d{13}",
             "id number,id no,identity number,rsa id,sa id,south african id,id-nommer"),
)  # fmt: skip
