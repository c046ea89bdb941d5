"""Words that stand for an empty cell."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["MISSING_WORDS", "PANDAS_WORDS", "is_missing_level", "is_missing_word"]

PANDAS_WORDS = frozenset(
    {"#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"}
    | {"N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null", ""}
)
"""The words that `pandas.read_csv` reads as missing by default."""

MISSING_WORDS = frozenset(word.lower() for word in PANDAS_WORDS) | frozenset(
    {
        "nil",
        "missing",
        "-",
        "--",
        "---",
        "–",
        "—",
        "*",
        "**",
        "/",
        "\\n",
        '""',
        "''",
        "- -",
        "-/-",
        "-.-",
        "nat",
        "na_character_",
        "na_integer_",
        "na_real_",
        "#",
    }
)
"""Words and marks that mean 'missing' between numbers and dates, in lower case."""

_DONE = (
    "available|avail|known|applicable|reported|stated|specified|provided|recorded|answered|asked|given|found|disclosed"
    "|disc|measured|tested|determined|done|collected|assessed|assigned|sure|set|entered|detected|mapped|classified"
    "|observed|rated|ascertained|remembered|in\\suniverse"
)
_SAYS_MISSING = re.compile(
    rf"""
    [(\[{{<*-]*\s*(?:
        unk(?:n|nown|own)? | undefined | undisclosed | undetermined | undet | unspecified | unreported | unrecorded
      | unavailable | unassigned | unmapped | unclassified | unsure | inapplicable | inap | skipped
      | (?:(?:data|value|question|information|was|is|were|are)\s)*(?:not|non)\s(?:\w+\s)?(?:{_DONE})
      | (?:did|does|do|could|can|would)(?:\snot|n't)\s(?:answer|respond|reply|say|state|apply|know|remember|recall)
      | cannot\s(?:answer|say|remember|recall)
      | i\s(?:do\snot|don't|dont|can't|cannot)\s(?:know|remember|recall)
      | no(?:ne)?\s(?:data|answer|response|information|info|value|reply|record|entry|result|reading|estimate|measurement
            |opinion|given|provided|reported|available|stated|recorded|specified)
      | n\.?\s?[/\\.]\s?[akdrtspci]\.? | n\sa | nd | dk | dnk | na(?:n)?\.? | [.][a-z_]
      | (?:i\s)?(?:prefer|choose|chose|wish|rather|would\srather)\snot\s(?:to\s)?(?:say|answer|disclose|state|respond)
      | rather\snot\ssay | do\snot\sknow | don't\sknow | dont\sknow | refused(?:\sto\s\w+)? | declined(?:\sto\s\w+)?
      | decline(?:\sto\s\w+)? | withheld | suppressed | confidential | redacted | missing(?:\s(?:data|value))?
      | (?:value|data|entry)\smissing | non\s?response | no\s?data | no\s?value | nr | nc | sd
      | blank | empty | null(?:\svalue)? | none | nothing | tbd | tba | tbc
      | to\sbe\s(?:determined|announced|confirmed) | pending
      | invalid | err(?:or)?
      | k\.?\s?a(?:ng)?\.? | (?:keine|ohne)\s(?:angaben?|daten|auskunft|information(?:en)?|werte?)(?:\smöglich)?
      | entf\.? | leer
      | ungültig | unbestimmt | unzutreffend | kein(?:e[rsn]?)?(?:\swert)? | unbekannt | unbek\. | fehlt | fehlend
      | entfällt | o\.\s?a\.
      | wei(?:ß|ss)\snicht
      | nicht\s(?:bekannt|verfügbar|vorhanden|erhoben|erfasst|ermittelt|angegeben|gemessen|zutreffend
            |anwendbar|relevant|bestimmt|feststellbar|möglich|beantwortet|belegt)
      | trifft\snicht\szu
      | n\.\s?(?:v|b|n|v\.t)\.
      | inconnue?s? | indéterminée?s?
      | non\s(?:renseignée?s?|communiquée?s?|disponibil[ei]|disponibles?|connue?s?|précisée?s?
            |noto|nota|concernée?s?|applicables?|applicabile|déterminée?s?|répondu|mesurée?s?|saisie?s?|fournie?s?|rilevato)
      | sans\s(?:objet|données?|réponse|valeur|information) | (?:aucune?|pas\sde|pas\sd')\s?(?:données?|réponse|valeur
            |information|info) | données?\smanquantes? | s/o | s\.\s?o\. | (?:à\s)?vide | aucune?
      | ne\ssait\spas | manquante? | sconosciut[oa] | mancante
      | desconocid[oa] | desconhecid[oa] | s/[dirc] | s\.\s?[dic]\. | (?:sin|sem)\s(?:datos?|dados?|información
            |informação|resposta|valor|registro|determinar|definir) | vac[ií]o | (?:en|em)\s(?:blanco|branco)
      | ningun[oa] | nenhuma?
      | nessun[oa]? | (?:dato|valor)\s(?:faltante|perdido|ausente) | ausente | sin\s(?:especificar|respuesta)
      | n[oã]o?\s(?:aplicable|registrad[oa]|informa|declarad[oa]|definid[oa]|determinad[oa]|identificad[oa]
            |respondió|respondeu|hay\sdatos?|se\ssabe|existe|especificad[oa]|disponible|disponível|disponivel|informad[oa]|sabe|contesta
            |consta|aplicável|aplica|responde) | ns[/-](?:nr|nc)
      | onbekend | niet\s(?:bekend|beschikbaar|ingevuld|gemeten|van\stoepassing) | n\.?v\.?t\.?
      | geen(?:\s(?:gegevens|data|antwoord))?
      | ikke\s(?:oplyst|tilgjengelig|besvart|kendt|kjent) | b\.\s?d\. | ej\s(?:angivet|uppgivet) | okänd | ukjent
      | ukendt | (?:uppgift\s)?saknas | mangler | tuntematon
      | ei\stietoa | brak(?:\sdanych)? | nieznan[yae] | bilinmiyor | неизвестно | н/д | нет\sданных
      | 不明 | 未知 | 未記入 | 欠損 | 欠測 | 無回答 | 无 | 無 | なし | 暂无 | 缺失 | 없음 | 미상
    )\s*[)\]}}>*-]*\s*(?:\(\d+\))?[.!*;]?
    | err:\d{{3}} | \#{{2,}} | \#[¡¿]?(?:div/0|value|ref|name|num|null|spill|calc|error|err|bezug
        |wert|nv|zahl|valeur|nom|nombre|n/d|valor)[!?]?
    | [?¿]+ | (?:\.\s?)+ | …+ | \(-+\)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_NOT_LEVELS = frozenset({"none", "nothing", "nil", "error", "invalid", "pending", "nd", "dk", "ka", "/"})
_ALSO_ANSWERS = re.compile(
    r"aucune?|kein(?:e[rsn]?)?(?:\swert)?|ningun[oa]|nenhuma?|nessun[oa]?|geen|leer|vide|vac[ií]o|ausente|n[rc]|sd|entf\.?|#|#{2,}"
    r"|ungültig|unbestimmt|none\s.*|no\sopinion|skipped|unmapped|un(?:assigned|classified)|not\s(?:detected|found)"
    r"|[.][a-z_]|n\s?[/\\.]\s?[tspci]\.?|n\sa|nat|\*+|brak|無|无|なし|없음|entfällt|sans\sobjet|does(?:\snot|n't)\sapply",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def is_missing_word(cell: str) -> bool:
    """Whether a cell between numbers, dates or truth values stands for an empty one: `?`, `unknown`, `n/a (2)`.

    Two such words with a slash or an "or" between them are one too (`don't know/refused`), and blanks may be written as
    underscores or hyphens.
    """
    text = cell.lower().replace("\u2019", "'")
    if text in MISSING_WORDS or _SAYS_MISSING.fullmatch(text):
        return True
    spaced = " ".join(re.sub(r"[_-]+", " ", text).split())
    if spaced and _SAYS_MISSING.fullmatch(spaced):
        return True
    parts = re.split(r"\s*/\s*|\s+or\s+", spaced)
    return len(parts) > 1 and all(part in _SHORT or _SAYS_MISSING.fullmatch(part) for part in parts)


_SHORT = frozenset({"ref", "rf", "dk", "na", "refused", "nr"})
"""Words that mean 'missing' only beside another one: `DK/REF`."""


@lru_cache(maxsize=4096)
def is_missing_level(cell: str) -> bool:
    """The same between words, where `none` and `nothing` are answers."""
    text = cell.lower()
    return text not in _NOT_LEVELS and not _ALSO_ANSWERS.fullmatch(text) and is_missing_word(cell)
