"""A number as people write it: sign, body and unit of a cell."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from shrinkage.tables.read._letter_signs import degrees_of, letter_behind, plain_letter

__all__ = ["CURRENCY", "Written", "parse_written"]

_ALIKE = str.maketrans(
    {
        **dict.fromkeys("\u00a0\u202f\u2009\u2007\u2008\u2002\u2003\u200a\u3000", " "),  # non-breaking spaces
        **dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d", "-"),
        **dict.fromkeys("\u2019\u02bc\u00b4`\u2032", "'"),
        **dict.fromkeys("\ufe6a\u066a", "%"),
        **dict.fromkeys("\u201d\u2033", '"'),
        **dict.fromkeys("\u200b\u200e\u200f\u202a\u202c\u2060\ufeff", None),  # marks of no width
        "\u066b": ".",
        "\u066c": ",",
        **{chr(0xFF01 + i): chr(0x21 + i) for i in range(94) if i != 0xFF0D - 0xFF01},  # of full width
        **{chr(zero + i): str(i) for zero in (0x660, 0x6F0, 0x966) for i in range(10)},
        "\uffe5": "¥",
        "\uffe1": "£",
        "\uffe6": "₩",
    }
)
_CLOCK = re.compile(r"\d:\d")
_AROUND = re.compile(r"""="(?P<kept>[^"]*)"|"(?P<double>[^"]*)"|'(?P<quoted>[^']*)'|'(?P<open>[^']*)""")
"""A number as text: Excel's ways, and quotes that were quoted."""
_POWER = re.compile(r"\s*[x×·*]\s*10(?:\^|\*\*)?(?P<power>[+-]?\d+|[⁻⁺]?[⁰¹²³⁴-⁹]+)$", re.IGNORECASE)
_EXPONENT = re.compile(r"(?<=[\d.])\s?[EeDd](?=[+-]\d{1,3}$)")
"""An exponent behind a blank, or as Fortran writes it: `1.5D+03`."""
_RAISED = str.maketrans("⁻⁺⁰¹²³⁴⁵⁶⁷⁸⁹", "-+0123456789")
_NO_CENTS = re.compile(r"(?<=\d)(?:[.,]-{1,2}|,?/-|=/=)(?=\s|$|[^\d\s])")
"""What stands for no cents: `12.-`, `12,--` and, in India, `12/-`."""
_FOOTNOTE = re.compile(
    r"(?<=[\d%)])(?:\s?(?P<mark>\*{1,3}|[†‡§¹²³⁴-⁹]+|\[[a-z0-9]{1,2}\]|\^)|\s(?P<number>\(\d\)))$",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?P<sign>[~≈]|[<>≤≥]=?)\s*|(?P<word>[Cc]a\.|(?:[Cc]irca|[Aa]pprox(?:\.|imately)?|[Aa]bout|[Aa]round|[Ff]rom|[Aa]b"
    r"|[Ee]nv\.|[Ee]nviron|[Dd]esde|[Dd]ès)(?=\s))\s*"
)
"""What says of a number that it is not exact."""
_FEET = re.compile(
    r"(?P<feet>\d{1,2})\s?(?:'|(?P<word>ft\.?|feet|foot))\s?"
    r"(?:(?P<inches>\d{1,2}(?:\.\d+)?)\s?(?(word)(?:in\.?|inch(?:es)?)|(?:\"|''|in\.?)?))?"
)
_VULGAR = re.compile(r"(?P<sign>-?)(?P<whole>\d{1,6})?\s?(?P<part>[\u00bc-\u00be\u2150-\u215e])(?![\d.,])")
_MIXED = re.compile(
    r"(?P<sign>-?)(?P<whole>\d{1,6})[ -](?P<above>\d{1,2})/(?P<below>2|3|4|5|6|8|10|12|16|32|64)(?![\d/.,])"
)
_YEARS_AND_MONTHS = re.compile(
    r"(?P<years>\d{1,3})\s?(?:y|yrs?|years?)\.?,?\s*(?:and\s)?(?P<months>\d{1,2})\s?(?:m|mos?|mths?|months?)\.?",
    re.IGNORECASE,
)
_SYMBOLS = "$€£¥₹₽₩₪₺฿₫₴₦₱₿¢₡₲৳﷼₵₸₼₾"
_CODES = (
    "USD|EUR|GBP|JPY|CNY|RMB|INR|CHF|CAD|AUD|NZD|SGD|HKD|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|BGN|TRY|RUB|UAH|RSD|BRL|MXN|ZAR"
    "|KRW|THB|IDR|MYR|PHP|VND|ILS|AED|SAR|QAR|KWD|EGP|MAD|TND|NGN|GHS|KES|UGX|TZS|PKR|BDT|LKR|NPR|KZT|GEL|ARS|CLP|COP"
    "|PEN|UYU|BOB|PYG|CRC|GTQ|DOP|TWD|Rs\\.?|kr\\.?|zł|Kč|S?Fr\\.?|DM"
)
_BEFORE_MARKS = r"(?:RM|R|Rp\.?|TL|Bs\.?|S/\.?|K[Ss]h\.?|Tk\.?)(?=\s?\d[\d.,' ]*[.,' ]\d|\s\d)"
"""Letters that are a currency before a blank or a number with marks, and the beginning of a code elsewhere: `R12`."""
CURRENCY = rf"(?:[A-Z]{{0,3}}[{_SYMBOLS}]|{_CODES})"
_ZERO = re.compile(rf"(?P<before>{CURRENCY})\s*-{{1,2}}|-{{1,2}}\s*(?P<after>{CURRENCY})")
"""How spreadsheets show no money: `$ -`."""
_CELL = re.compile(
    rf"""
    (?P<open>\()?\s*
    (?P<sign>[+-])?\s*
    (?P<before>{CURRENCY}|{_BEFORE_MARKS}|%)?\s*
    (?P<second_open>\()?(?P<second>[+-])?\s*
    (?P<body>(?:\d+(?:[.,'_\ ]\d+)*[.,]?|[.,]\d+)(?:[eE][+-]?\d+)?)
    (?P<trail>\ ?-)?(?P<plus>\+)?(?P<early_close>\))?
    (?:\s*(?P<after>
        /\s?\d{{1,3}}|out\ of\ \d{{1,3}}(?:\ \w{{1,10}})?|"|''
        |(?:/(?=[^\W\d]))?[^\d\s()+\-/.,;:'"_=<>][^\s();:"=<>]{{0,14}}(?:\ [^\s\d();:"=<>]{{1,10}}){{0,2}})(?<![-+]))?
    (?P<late>\ ?-)?(?P<late_plus>\+)?
    \s*(?P<close>\)\)?)?
    """,
    re.VERBOSE,
)
_SCALED = re.compile(
    rf"(?:(?P<scale>[kKM]|[Mm]io\.?|[Mm]rd\.?|[Tt]sd\.?|mn|bn|млн|млрд|тыс\.?)\s?(?P<money>{CURRENCY})"
    r"|(?P<size>[kKMB])\s(?P<noun>[^\W\d_]{3,}(?:\s[^\W\d_]+)?)|(?P<big>[万萬만億亿억])(?P<rest>\D*))"
)
"""A magnitude before a currency or what is counted: `k€`, `Mio. €`, `億円`, `M views`."""


@dataclass(frozen=True)
class Written:
    """A cell taken apart."""

    body: str
    """The number with its sign and exponent, its marks as written."""
    unit: str
    """What stands before and after it; empty for nothing."""
    mark: str = ""
    """The sign of a footnote that follows it."""
    sign: str = ""
    """What says that it is not exact: `~`, `<`, `+`, `ca.`"""
    is_whole: bool = False
    """Whether a sign says that it has no cents, so that all marks in it are marks of thousands."""
    is_dash: bool = False
    """Whether it is a dash beside a currency, which stands for 0."""


def parse_written(cell: str) -> Written | None:
    """The cell as a number with a unit, or None where it is none: `(12.30)`, `$1,037.50`, `70 kg`, `100-`, `5'11"`."""
    if ":" in cell and _CLOCK.search(cell):
        return None  # no number, and most cells with a clock would be tried in vain
    text = cell.translate(_ALIKE).strip()
    if (around := _AROUND.fullmatch(text)) is not None:
        text = next(part for part in around.groups() if part is not None).strip()
    if (dash := _ZERO.fullmatch(text)) is not None:
        return Written("0", dash["before"] or dash["after"], is_dash=True)
    if not text.isascii() and (degrees := degrees_of(text)) is not None:
        return Written(*degrees)
    text = text if text[:1].isdigit() else letter_behind(text)
    if "/" in text or not text.isascii():
        text = _plain_fraction(text)
    if "y" in text and (age := _YEARS_AND_MONTHS.fullmatch(text)) is not None and int(age["months"]) < 12:
        return Written(f"{int(age['years']) + int(age['months']) / 12:.9g}", "years")
    if (feet := _FEET.fullmatch(text)) is not None and (feet["inches"] or not feet["word"]):
        inches = float(feet["inches"] or 0)
        return None if inches >= 12 else Written(f"{12 * int(feet['feet']) + inches:g}", "in")
    sign, mark = "", ""
    if (about := _ABOUT.match(text)) is not None:
        sign, text = about["sign"] or about["word"], text[about.end() :]
    text = _EXPONENT.sub("e", _POWER.sub(lambda found: "e" + found["power"].translate(_RAISED), text))
    if (note := _FOOTNOTE.search(text)) is not None:
        mark, text = note[0].strip(), text[: note.start()]
    plain = _NO_CENTS.sub("", text)
    found = _CELL.fullmatch(plain)
    if found is None or (negative := _is_negative(found)) is None:
        return None
    parts = [found["before"], found["after"]]
    if (scaled := _SCALED.fullmatch(found["after"] or "")) is not None:
        counted = scaled["money"] or scaled["noun"] or (scaled["rest"] or "").strip()
        parts = [found["before"], counted, scaled["scale"] or scaled["size"] or scaled["big"]]
    unit = plain_letter(" ".join(part for part in parts if part))
    sign = sign or found["plus"] or found["late_plus"] or ""
    return Written(("-" if negative else "") + found["body"], unit, mark, sign, is_whole=plain != text)


def _plain_fraction(text: str) -> str:
    """A number with a point for one with a fraction: `1.5 kg` for `1½ kg` and `1 1/2 kg`."""
    if (sign := _VULGAR.match(text)) is not None:
        return f"{sign['sign']}{int(sign['whole'] or 0) + unicodedata.numeric(sign['part']):.9g}{text[sign.end() :]}"
    if (found := _MIXED.match(text)) is not None and int(found["above"]) < int(found["below"]):
        value = int(found["whole"]) + int(found["above"]) / int(found["below"])
        return f"{found['sign']}{value:.9g}{text[found.end() :]}"
    return text


def _is_negative(found: re.Match[str]) -> bool | None:
    """Whether a cell is below zero by one sign or by parentheses; None where its signs contradict each other."""
    opened = bool(found["open"]) + bool(found["second_open"])
    if opened != len(found["close"] or "") + len(found["early_close"] or ""):
        return None
    signs = [sign for sign in (found["sign"], found["second"], found["trail"], found["late"]) if sign]
    return None if len(signs) + opened > 1 else bool(opened) or any("-" in sign for sign in signs)
