"""Names of months and days in other languages than English, for dates."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["MONTHS", "SHORT_MONTHS", "name_words", "plain_date", "without_oclock"]

MONTHS = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?"
    "|dec(?:ember)?"
)
"""The English names of months and their short forms, as a regular expression."""
SHORT_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMES = (
    "januar januari janvier janv ene enero gennaio gen janeiro jänner jaen styczeń stycznia января янв ocak ledna",
    "februar februari février févr fév fev fevrier febrero febbraio fevereiro feber lutego luty февраля фев şubat února",
    "märz mrz maerz mär maart mrt mars marzo março marts marca марта мар mart března",
    "april avril avr abril abr aprile kwietnia апреля апр nisan dubna",
    "mai mei mayo maggio mag maio maj maja мая май mayıs května",
    "juni juin junio giugno giu junho czerwca июня июн haziran června",
    "juli juillet juil julio luglio lug julho lipca июля июл temmuz července",
    "august août aout augustus agosto ago augusti aug sierpnia августа авг ağustos srpna",
    "september septembre sept septiembre settembre set setembro sep września сентября сен eylül září",
    "oktober octobre octubre ottobre ott outubro out okt października октября окт ekim října",
    "november novembre noviembre novembro listopada ноября ноя kasım listopadu",
    "dezember december décembre déc diciembre dic dicembre dezembro dez grudnia декабря дек aralık prosince",
)
_MONTH_OF = {
    name: english for english, names in zip(SHORT_MONTHS, _NAMES, strict=True) for name in names.split()
}
_AROUND = (
    "montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag mo di mi do fr sa so"
    " lundi mardi mercredi jeudi vendredi samedi dimanche lun mer jeu ven sam dim le"
    " lunes martes miércoles jueves viernes sábado domingo el de del"
    " lunedì martedì mercoledì giovedì venerdì domenica il"
    " maandag dinsdag woensdag donderdag vrijdag zaterdag zondag den d um uhr à a las alle kl г года"
)
_OTHERS = frozenset(_AROUND.split())
"""Names of days, and words around a date."""
_WORD = re.compile(r"[^\W\d_]+")
_FAR_EAST = re.compile(r"(?P<y>\d{4})\s?[年년]\s?(?P<m>\d{1,2})\s?[月월](?:\s?(?P<d>\d{1,2})\s?[日일])?")
_HALF_DAYS = re.compile(r"(上午|下午|오전|오후)\s?(\d{1,2}:\d{2}(?::\d{2})?)")
"""Before and after noon, as Chinese and Korean spreadsheets write it before the time."""
_CLOCK_FIRST = re.compile(r"(\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:\s?[AaPp]\.?[Mm]\.?)?),?\s+(.*\d.*)")
_CLOCK_LAST = re.compile(r"(?<=\d[T_ ])(\d{2})-(\d{2})(?:-(\d{2}))?$")
_HOURS_LAST = re.compile(r"(?<=\s)(\d{1,2})\s?[hH]\s?(\d{2})(?:m(?:in)?\s?(\d{2})s?)?$")
_DAY_LAST = re.compile(r"\s?\(\w{1,9}\)$|\s(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}$", re.IGNORECASE)
_OCLOCK = re.compile(
    r"(?P<h>\d{1,2})(?:[:.](?P<mi>\d{2}))?\s?(?:uhr|o'clock|óra)|(?P<with>\d{1,2}:\d{2})\s?h(?:rs?|ours?)?|kl\.?\s?(?P<k>\d{1,2})[:.](?P<kmi>\d{2})"
    r"|(?P<french>\d{1,2})\s?[hHuU]\s?(?P<fmi>\d{2})",
    re.IGNORECASE,
)


def name_words(name: str) -> set[str]:
    """The words in a column's name, in lower case: `time`, `spent` for `timeSpent` and `time_spent (h)`."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name).lower()
    return set(re.split(r"[\W_\d]+", spaced)) - {""}


@lru_cache(maxsize=4096)
def plain_date(cell: str) -> str:
    """A date with English names, the time behind the day: `20 dec 2023 9:30` for `9h30, le 20 décembre 2023`."""
    text = cell[1:-1].strip() if cell[:1] == "[" and cell[-1:] == "]" else cell
    text = _DAY_LAST.sub("", text.removesuffix(".") if text[-2:-1].isdigit() else text)
    text = _HALF_DAYS.sub(lambda found: f"{found[2]} {'PM' if found[1] in ('下午', '오후') else 'AM'}", text)
    text = _in_english(text)
    if (found := _CLOCK_FIRST.fullmatch(text)) is not None:
        text = f"{found[2]} {found[1]}"
    text = _HOURS_LAST.sub(lambda found: ":".join(part for part in found.groups() if part), text)
    return _CLOCK_LAST.sub(lambda found: ":".join(part for part in found.groups() if part), text)


def _in_english(cell: str) -> str:
    """A date with the English names of months, without names of days: `20 dec 2023` for `20 de diciembre de 2023`."""

    def word(found: re.Match[str]) -> str:
        text = found[0].casefold()
        return _MONTH_OF.get(text, "" if text in _OTHERS else found[0])

    text = _FAR_EAST.sub(lambda found: "-".join(part for part in found.groups() if part), cell)
    text = " ".join(_WORD.sub(word, text).split())
    return text.lstrip("., ").rstrip("., ") if text != cell else cell


def without_oclock(cell: str) -> str:
    """A time with a colon for `8.45 Uhr`, `kl. 8.45` and `8h45`; any other text as it is."""
    found = _OCLOCK.fullmatch(cell)
    if found is None:
        return cell
    if found["with"]:
        return found["with"]
    hour = found["h"] or found["k"] or found["french"]
    return f"{hour}:{found['mi'] or found['kmi'] or found['fmi'] or '00'}"
