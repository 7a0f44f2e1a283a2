"""Words near a number that show what it is: one in ten random numbers passes most check digits."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Any

from countersign_ml.rows.detect.fold import is_unspaced
from countersign_ml.rows.detect.hit import Text
from countersign_ml.rows.detect.third_party import load

BEFORE = 48
AFTER = 20
"""Characters before and after a number within which a word counts."""


class Words:
    """A set of words, found as whole words in any case, in one linear pass per text."""

    def __init__(self, words: frozenset[str]) -> None:
        self._words = words
        self._compiled: Any = None

    @classmethod
    def of(cls, *words: str) -> Words:
        return cls(frozenset(words))

    def distance(self, text: Text, start: int, end: int) -> int | None:
        """Return the number of characters between the span and the nearest such word before it.

        A word after the span counts as farther than any before it; None if there is neither.
        """
        starts, ends = self._places(text)
        if not ends:
            return None
        before = bisect_right(ends, start) - 1
        if before >= 0 and start - ends[before] <= BEFORE:
            return start - ends[before]
        after = bisect_left(starts, end)
        if after < len(starts) and starts[after] - end <= AFTER:
            return BEFORE + starts[after] - end
        return None

    def anywhere(self, text: Text) -> bool:
        """Return whether the text contains one of the words."""
        return bool(self._places(text)[0])

    def near(self, text: Text, start: int, end: int) -> bool:
        return self.distance(text, start, end) is not None

    def _places(self, text: Text) -> tuple[list[int], list[int]]:
        """Return the starts and ends of all the words in a text, found once."""
        known = text.places.get(id(self))
        if known is None:
            known = text.places[id(self)] = self._find(text)
        return known

    def _find(self, text: Text) -> tuple[list[int], list[int]]:
        if self._compiled is None:
            self._compiled = load("re2").compile(_pattern(self._words).encode())
        raw = text.utf8
        starts: list[int] = []
        ends: list[int] = []
        bytes_seen = characters_seen = 0
        for match in self._compiled.finditer(raw):
            first, last = match.span(1) if match.span(1) != (-1, -1) else match.span(2)
            start = characters_seen + _length(raw[bytes_seen:first])
            end = start + _length(raw[first:last])
            bytes_seen, characters_seen = last, end
            own = text.original[start]
            if start == 0 or is_unspaced(own) or not text.original[start - 1].isalpha():
                starts.append(start)
                ends.append(end)
        return starts, ends


def _length(raw: bytes) -> int:
    return len(raw) if raw.isascii() else len(raw.decode("utf-8", "surrogatepass"))


def _pattern(words: frozenset[str]) -> str:
    """Return a pattern of two groups, one of which is the word, without the character after it."""
    free_ones: list[str] = []
    bound: list[str] = []
    for word in sorted(words, key=lambda word: (-len(word), word)):
        free = not word[-1].isalnum() or is_unspaced(word[-1])
        escaped = load("re2").escape(word).replace(r"\ ", r"[\s_-]{0,2}")
        (free_ones if free else bound).append(escaped)
    # An empty alternative must match nothing, hence the empty character class.
    never = r"[^\x00-\x{10FFFF}]"
    return (
        rf"(?i)(?:({'|'.join(free_ones) or never})"
        rf"|({'|'.join(bound) or never})(?:[^\p{{L}}\p{{M}}]|$))"
    )


REFERENCE = Words.of(
    *[
        "order",
        "invoice",
        "reference",
        "ref",
        "ticket",
        "sku",
        "isbn",
        "ean",
        "tracking",
        "parcel",
        "item",
        "part",
        "serial",
        "model",
        "case",
        "booking",
        "transaction",
        "shipment",
        "batch",
        "build",
        "version",
        "release",
        "commit",
        "account no",
        "article",
        "bestellung",
        "bestellnummer",
        "rechnung",
        "rechnungsnummer",
        "auftrag",
        "auftragsnummer",
        "sendung",
        "sendungsnummer",
        "artikelnummer",
        "vorgang",
        "aktenzeichen",
        "pedido",
        "factura",
        "referencia",
        "envío",
        "seguimiento",
        "número de serie",
        "commande",
        "facture",
        "référence",
        "colis",
        "suivi",
        "ordine",
        "fattura",
        "riferimento",
        "spedizione",
        "encomenda",
        "fatura",
        "bestelling",
        "factuur",
        "zamówienie",
        "faktura",
        "beställning",
        "заказ",
        "заказа",
        "счёт",
        "счет",
        "номер заказа",
        "sipariş",
        "订单",
        "订单号",
        "发票",
        "注文",
        "注文番号",
        "請求書",
        "주문",
        "주문번호",
        "طلب",
        "ऑर्डर",
    ]
)
"""Words that show that a number is a business reference, not a telephone number."""

CARD = Words.of(
    *[
        "card",
        "credit card",
        "debit card",
        "card number",
        "visa",
        "mastercard",
        "amex",
        "american express",
        "maestro",
        "discover",
        "diners",
        "jcb",
        "cc",
        "karte",
        "kartennummer",
        "kreditkarte",
        "tarjeta",
        "carte",
        "carte bancaire",
        "carta",
        "cartão",
        "cartao",
        "kaart",
        "creditcard",
        "karta",
        "karty",
        "kort",
        "kortti",
        "kart",
        "κάρτα",
        "карта",
        "карты",
        "карте",
        "картой",
        "卡号",
        "信用卡",
        "銀行卡",
        "银行卡",
        "カード",
        "カード番号",
        "クレジットカード",
        "카드",
        "카드번호",
        "بطاقة",
        "البطاقة",
        "כרטיס",
        "कार्ड",
        "บัตร",
        "thẻ",
        "kartu",
    ]
)
"""Words for a payment card."""
