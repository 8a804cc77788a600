"""Money for people to read: minor units and a currency in, text out."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

__all__ = ["as_decimal", "format_money", "minor_units"]

# ISO 4217, List One: the currencies that do not have two decimals.
_DECIMALS = {
    currency: decimals
    for decimals, currencies in {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }.items()
    for currency in currencies.split()
}


def format_money(minor: int, currency: str) -> str:
    """Return an amount in minor units as people read it: 4500 EUR is `45.00 EUR`."""
    decimals = _DECIMALS.get(currency, 2)
    sign, digits = "-" if minor < 0 else "", str(abs(minor)).zfill(decimals + 1)
    whole, fraction = (digits[:-decimals], digits[-decimals:]) if decimals else (digits, "")
    return f"{sign}{int(whole):,}{'.' if fraction else ''}{fraction} {currency}"


def as_decimal(minor: int, currency: str) -> Decimal:
    """Return an amount in minor units as a number with its decimals: 4500 EUR is 45.00."""
    return Decimal(minor).scaleb(-_DECIMALS.get(currency, 2))


def minor_units(text: str, currency: str) -> int:
    """Read an amount that somebody typed, `45.00` or `45,5`; raises ValueError."""
    try:
        amount = Decimal(text.strip().replace(",", ".")).scaleb(_DECIMALS.get(currency, 2))
    except InvalidOperation:
        raise ValueError(text) from None
    if not amount.is_finite() or amount != amount.to_integral_value() or abs(amount) > 10**15:
        raise ValueError(text)
    return int(amount)
