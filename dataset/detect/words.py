"""Words near a number that say what it is: most check digits let one random number in ten pass."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from dataset.detect.fold import is_unspaced

BEFORE = 48
AFTER = 20


def word_pattern(words: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that finds any of the words as a word of its own, in any case."""
    parts = []
    for word in sorted(words, key=lambda word: (-len(word), word)):
        head = "" if is_unspaced(word[0]) else r"(?<![^\W\d_])"
        tail = r"(?![^\W\d_])" if word[-1].isalnum() and not is_unspaced(word[-1]) else ""
        parts.append(head + re.escape(word.casefold()).replace(r"\ ", r"[\s_-]{0,2}") + tail)
    return re.compile("|".join(parts))


@dataclass(frozen=True)
class Words:
    """A set of words looked for beside a number."""

    pattern: re.Pattern[str]

    @classmethod
    def of(cls, *words: str) -> Words:
        return cls(word_pattern(words))

    def distance(self, text: str, start: int, end: int) -> int | None:
        """Return how many characters lie between the number and the nearest such word."""
        before = text[max(0, start - BEFORE) : start].casefold()
        nearest = None
        for match in self.pattern.finditer(before):
            nearest = len(before) - match.end()
        if nearest is None:
            match_after = self.pattern.search(text[end : end + AFTER].casefold())
            nearest = BEFORE + match_after.start() if match_after else None
        return nearest

    def near(self, text: str, start: int, end: int) -> bool:
        return self.distance(text, start, end) is not None


REFERENCE = Words.of(
    *["order", "invoice", "reference", "ref", "ticket", "sku", "isbn", "ean", "tracking", "parcel", "item", "part", "serial", "model", "case", "booking", "transaction", "shipment", "batch", "build", "version", "release", "commit", "account no", "article", "bestellung", "bestellnummer", "rechnung", "rechnungsnummer", "auftrag", "auftragsnummer", "sendung", "sendungsnummer", "artikelnummer", "vorgang", "aktenzeichen", "pedido", "factura", "referencia", "envío", "seguimiento", "número de serie", "commande", "facture", "référence", "colis", "suivi", "ordine", "fattura", "riferimento", "spedizione", "encomenda", "fatura", "bestelling", "factuur", "zamówienie", "faktura", "beställning", "заказ", "заказа", "счёт", "счет", "номер заказа", "sipariş", "订单", "订单号", "发票", "注文", "注文番号", "請求書", "주문", "주문번호", "طلب", "ऑर्डर"]
)
"""Words that say a number is a reference of some business, not somebody's telephone."""
