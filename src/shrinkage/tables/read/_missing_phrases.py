"""Phrases that stand for an empty cell, by language.

One regular expression a line, in lower case, with one blank between words. Whoever knows a language adds a line to it.
"""

from __future__ import annotations

__all__ = ["ALSO_ANSWERS", "PHRASES", "SPREADSHEET_ERRORS"]

_DONE = (
    "available|avail|known|applicable|reported|stated|specified|provided|recorded|answered|asked|given|found|disclosed"
    "|disc|measured|tested|determined|done|collected|assessed|assigned|sure|set|entered|detected|mapped|classified"
    "|observed|rated|ascertained|remembered|in universe"
)
PHRASES = {
    "English": rf"""
        unk(?:n|nown|own)?
        un(?:set|defined|disclosed|determined|det|specified|reported|recorded|available|assigned|mapped|classified|sure)
        inapplicable|inap|skipped|withheld|suppressed|confidential|redacted
        missing(?: (?:data|value))?|(?:value|data|entry) missing
        blank|empty|none|nothing|pending|invalid|err(?:or)?|null(?: value)?
        tbd|tba|tbc|to be (?:determined|announced|confirmed)
        (?:(?:data|value|question|information|was|is|were|are) )*(?:not|non) (?:\w+ )?(?:{_DONE})
        (?:did|does|do|could|can|would)(?: not|n't) (?:answer|respond|reply|say|state|apply|know|remember|recall)
        cannot (?:answer|say|remember|recall)
        i (?:do not|don't|dont|can't|cannot) (?:know|remember|recall)
        do not know|don't know|dont know|dnk|dk
        no(?:ne)? (?:data|answer|response|information|info|value|reply|record|entry|result|reading|estimate|measurement)
        no(?:ne)? (?:opinion|given|provided|reported|available|stated|recorded|specified)
        no ?data|no ?value|non ?response
        n\.?\s?[/\\.]\s?[akdrtspci]\.?|n a|nd|nr|nc|sd|na(?:n)?\.?|[.][a-z_]
        (?:i )?(?:prefer|choose|chose|wish|rather|would rather) not (?:to )?(?:say|answer|disclose|state|respond)
        rather not say|refused(?: to \w+)?|declined?(?: to \w+)?
    """,
    "German": r"""
        k\.?\s?a(?:ng)?\.?|o\.\s?a\.|n\.\s?(?:v|b|n|v\.t)\.|unbek\.|entf\.?
        (?:keine|ohne) (?:angaben?|daten|auskunft|information(?:en)?|werte?)(?: möglich)?
        kein(?:e[rsn]?)?(?: wert)?|leer|ungültig|unbestimmt|unzutreffend|unbekannt|fehlt|fehlend|entfällt
        wei(?:ß|ss) nicht|trifft nicht zu
        nicht (?:bekannt|verfügbar|vorhanden|erhoben|erfasst|ermittelt|angegeben|gemessen|zutreffend|anwendbar|relevant)
        nicht (?:bestimmt|feststellbar|möglich|beantwortet|belegt)
    """,
    "French": r"""
        inconnue?s?|indéterminée?s?|(?:à )?vide|aucune?|manquante?|données? manquantes?|ne sait pas|s/o|s\.\s?o\.
        non (?:renseignée?s?|communiquée?s?|disponibles?|connue?s?|précisée?s?|concernée?s?|applicables?|déterminée?s?)
        non (?:répondu|mesurée?s?|saisie?s?|fournie?s?)
        sans (?:objet|données?|réponse|valeur|information)
        (?:aucune?|pas de|pas d')\s?(?:données?|réponse|valeur|information|info)
    """,
    "Italian": r"""
        sconosciut[oa]|mancante|nessun[oa]?
        non (?:disponibil[ei]|noto|nota|applicabile|rilevato)
    """,
    "Spanish and Portuguese": r"""
        desconocid[oa]|desconhecid[oa]|s/[dirc]|s\.\s?[dic]\.|ns[/-](?:nr|nc)
        (?:sin|sem) (?:datos?|dados?|información|informação|resposta|valor|registro|determinar|definir)
        sin (?:especificar|respuesta)|vac[ií]o|(?:en|em) (?:blanco|branco)|ningun[oa]|nenhuma?
        (?:dato|valor) (?:faltante|perdido|ausente)|ausente
        n[oã]o? (?:aplicable|registrad[oa]|informa|declarad[oa]|definid[oa]|determinad[oa]|identificad[oa]|respondió)
        n[oã]o? (?:respondeu|hay datos?|se sabe|existe|especificad[oa]|disponible|disponível|disponivel|informad[oa])
        n[oã]o? (?:sabe|contesta|consta|aplicável|aplica|responde)
    """,
    "Dutch": r"""
        onbekend|niet (?:bekend|beschikbaar|ingevuld|gemeten|van toepassing)|n\.?v\.?t\.?
        geen(?: (?:gegevens|data|antwoord))?
    """,
    "Scandinavian and Finnish": r"""
        ikke (?:oplyst|tilgjengelig|besvart|kendt|kjent)|ej (?:angivet|uppgivet)|okänd|ukjent|ukendt
        (?:uppgift )?saknas|mangler|tuntematon|ei tietoa
    """,
    "Polish, Turkish and Russian": r"""
        b\.\s?d\.|brak(?: danych)?|nieznan[yae]|bilinmiyor|неизвестно|н/д|нет данных
    """,
    "Japanese, Chinese and Korean": r"""
        不明|未知|未記入|欠損|欠測|無回答|无|無|なし|暂无|缺失|없음|미상
    """,
}
SPREADSHEET_ERRORS = r"""
    err:\d{3}
    \#[¡¿]?(?:div/0|value|ref|name|num|null|spill|calc|error|err|bezug|wert|nv|zahl|valeur|nom|nombre|n/d|valor)[!?]?
"""
ALSO_ANSWERS = r"""
    none|nothing|nil|error|invalid|pending|nd|dk|ka|nat|n[rc]|sd|/|\#+|\*+|[.][a-z_]|n a|n\s?[/\\.]\s?[tspci]\.?
    none .*|no opinion|skipped|unmapped|un(?:assigned|classified)|not (?:detected|found)|does(?: not|n't) apply
    kein(?:e[rsn]?)?(?: wert)?|leer|ungültig|unbestimmt|entfällt|entf\.?
    aucune?|vide|sans objet|nessun[oa]?|ningun[oa]|nenhuma?|vac[ií]o|ausente|geen|brak
    無|无|なし|없음
"""
"""Those that may also be an answer: between words they are levels like any other."""
