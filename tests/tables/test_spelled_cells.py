"""Cells as programs and people of several countries spell them, each with the value that a person reads in it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from shrinkage.tables.read._missing_words import is_missing_level, is_missing_word
from shrinkage.tables.read._reading import Reading, as_read
from shrinkage.tables.read._typing import Decision, decide
from shrinkage.tables.read.dates._date_layouts import count_of_time

N = 24
SUMS = [1000.5 + 37 * i for i in range(N)]
PLAIN = [f"{x:,.2f}" for x in SUMS]
EUROPEAN = [cell.translate(str.maketrans(",.", ".,")) for cell in PLAIN]
NARROW = [cell.translate(str.maketrans(",.", "\u202f,")) for cell in PLAIN]
SWISS = [cell.replace(",", "\u2019") for cell in PLAIN]


def found(cells: Sequence[str]) -> Decision:
    return decide(pd.Series([*cells], dtype=object), "c")


@pytest.mark.parametrize("cells", [PLAIN, EUROPEAN, NARROW, SWISS], ids=["us", "eu", "fr", "ch"])
@pytest.mark.parametrize(
    "pattern",
    [
        "RM {}",
        "Rp {}",
        "R {}",
        "S/ {}",
        "TL {}",
        "KSh {}",
        "SFr. {}",
        "₡{}",
        "R$ {}",
        "{} Kč",
        "{} EUR",
        "PYG {}",
    ],
)
def test_money_of_any_country_is_a_number(cells: list[str], pattern: str):
    decision = found([pattern.format(cell) for cell in cells])
    assert decision.reading.form == "number"
    values = as_read(decision.reading, pd.Series([pattern.format(cell) for cell in cells], dtype=object))[0]
    np.testing.assert_allclose(values, SUMS)


NUMBERS = [
    (["(1,000.50) $", "1,037.50 $", "99.00 $"], [-1000.5, 1037.5, 99]),
    (["1,000.50 EUR-", "1,037.50 EUR", "99.00 EUR"], [-1000.5, 1037.5, 99]),
    (["(12.5)%", "13.5%", "14.0%"], [-12.5, 13.5, 14]),
    (["$1,000.50", "$ -", "$99.00"], [1000.5, 0, 99]),
    (["$12.50", "USD 13.20", "14.10 dollars"], [12.5, 13.2, 14.1]),
    (["12,50 €", "13,20 EUR", "14,10 Euro"], [12.5, 13.2, 14.1]),
    (["R$ 1.234", "R$ 12.500", "R$ 345"], [1234, 12500, 345]),
    (["1.234,- €", "12.500,- €", "345,- €"], [1234, 12500, 345]),
    (["1.234.000 ₫", "12.500 ₫", "345.000 ₫"], [1234000, 12500, 345000]),
    (["1,234円", "12,500円", "345円"], [1234, 12500, 345]),
    (["$1.2MM", "$3.4MM", "$200K"], [1.2e6, 3.4e6, 2e5]),
    (["1.2K+", "3.4K+", "22K+"], [1200, 3400, 22000]),
    (["10+ years", "< 1 year", "3 years"], [10, 1, 3]),
    (["<0.5", "1.2", ">9.5"], [0.5, 1.2, 9.5]),
    (["ca. 120", "95", "from 1300"], [120, 95, 1300]),
    (["5'11\"", "6'2\"", "6'"], [71, 74, 72]),
    (["5 ft 11 in", "6 ft 2 in", "5 ft 7 in"], [71, 74, 67]),
    (['15.6"', '13.3"', '14"'], [15.6, 13.3, 14]),
    (["8/10", "7.5/10", "6/10"], [8, 7.5, 6]),
    (["4.5 out of 5 stars", "3.9 out of 5 stars", "4.1 out of 5 stars"], [4.5, 3.9, 4.1]),
    (["120 m²", "85 m2", "95.5 sqm"], [120, 85, 95.5]),
    (["16 GiB", "512 GiB", "1 TiB"], [16, 512, 1024]),
    (["12 bps", "130 bp", "14 bps"], [12, 130, 14]),
    (["1.5D+03", "2.25D-02", "7.1D+00"], [1500, 0.0225, 7.1]),
    (["1.5 E+03", "2.25 E-02", "7.1 E+00"], [1500, 0.0225, 7.1]),
    (["1.2M views", "350K views", "2B views"], [1.2e6, 3.5e5, 2e9]),
    (['"1.5"', '"2.5"', '"3.25"'], [1.5, 2.5, 3.25]),
    (["25 лет", "34 года", "21 год"], [25, 34, 21]),
    (["25 lat", "34 lata", "1 rok"], [25, 34, 1]),
    (["18 mois", "2 ans", "1 an"], [1.5, 2, 1]),
    (["3 Tage", "1 Tag", "2 Wochen"], [3, 1, 14]),
    (["6.2 x10^9/L", "5.8 x10^9/L", "11.4 x10^9/L"], [6.2, 5.8, 11.4]),
    (["1.000,50 Haben", "1.037,50 Soll", "99,00 Haben"], [1000.5, -1037.5, 99]),
    (["Credit: $1,000.50", "Debit: $1,037.50", "Credit: $99.00"], [1000.5, -1037.5, 99]),
    (["1,000.50 EUR crédit", "1,037.50 EUR débit", "99.00 EUR crédit"], [1000.5, -1037.5, 99]),
    (["Af 1.000,50", "Bij 1.037,50", "Bij 99,00"], [-1000.5, 1037.5, 99]),
]


@pytest.mark.parametrize("cells, values", NUMBERS, ids=[cells[0] for cells, _ in NUMBERS])
def test_a_number_has_the_value_that_a_person_reads(cells: list[str], values: list[float]):
    decision = found(cells * 8)
    assert decision.odd is None
    assert decision.reading.form == "number"
    np.testing.assert_allclose(as_read(decision.reading, pd.Series(cells, dtype=object))[0], values)


@pytest.mark.parametrize(
    "cells, new, values",
    [
        (["1.5 kg", "500 g", "2 kg"], ["2 kgs", "250 g", "3 Kg"], [2, 0.25, 3]),
        (["70 kg", "81.5 kg", "64 kg"], ["70,5 kg", "70000 g"], [np.nan, 70]),
        (["1.2M", "3.4M", "0.5M"], ["950K", "2B", "1.5m"], [950e3, 2e9, 1.5e6]),
        (["$12.50", "$1,300.00", "$9.99"], ["USD 5", "US$ 1,000.00", "5 dollars"], [5, 1000, 5]),
        (["12%", "13.5%", "14%"], ["12 percent", "0.5 %", "12"], [12, 0.5, np.nan]),
        (["~120", "95", "~1300"], ["ca. 7", "<3"], [7, 3]),
    ],
)
def test_later_cells_may_be_spelled_in_another_way(cells: list[str], new: list[str], values: list[float]):
    rule = found(cells * 8).reading
    np.testing.assert_allclose(as_read(rule, pd.Series(new, dtype=object))[0], values)


@pytest.mark.parametrize("sides", ["SH", "DC"])
def test_debit_and_credit_are_no_units_of_time(sides: str):
    odd = found([f"{1000.5 + 37 * i:,.2f} {sides[i % 2]}" for i in range(N)]).odd
    assert odd is not None
    assert odd.kind == "sides"


def test_units_do_not_hide_a_point_that_may_mark_thousands():
    assert found(["1.234 ST", "12 ST", "2.500 ST"] * 8).doubt == "1.234"
    assert found(["1.23 ST", "12 ST", "2.500 ST"] * 8).doubt == ""


@pytest.mark.parametrize(
    "written, zero",
    [
        ("%Y%m%d", "00000000"),
        ("%Y-%m-%d", "0000-00-00"),
        ("%d.%m.%Y", "00.00.0000"),
        ("%m/%d/%Y", "00/00/0000"),
        ("%Y-%m-%d %H:%M:%S", "0000-00-00 00:00:00"),
    ],
)
def test_a_day_of_zeros_is_a_gap_at_any_share(written: str, zero: str):
    rule = found([*(day.strftime(written) for day in DAYS), *[zero] * N]).reading
    assert rule.form == "date"
    assert rule.missing == (zero,)
    clean = found([day.strftime(written) for day in DAYS]).reading
    assert not as_read(clean, pd.Series([zero], dtype=object))[1].any()


def test_a_day_with_points_is_not_the_year_for_the_order_of_three_rows():
    rule = found(["05.01.24", "17.03.24", "30.12.23"] * 8).reading
    assert as_read(rule, pd.Series(["05.01.24"], dtype=object))[0].tolist() == [pd.Timestamp("2024-01-05")]


def test_sums_of_which_all_marks_may_be_decimal_points_are_left_to_the_user():
    odd = found([f"{1 + i}.{100 + i} €" for i in range(N)]).odd
    assert odd is not None
    assert odd.kind == "marks"


@pytest.mark.parametrize(
    "cells",
    [
        ["R12", "R13", "R14"],
        ["RM1", "RM2", "RM3"],
        ["<50", ">50"],
        ["1/2", "3/4", "5/8"],
        ["120/80", "130/85", "118/76"],
        ["1st", "2nd", "3rd"],
        ["205/55R16", "195/65R15"],
        ["PT1", "PT2", "P12"],
        ["S1", "S2", "T1", "T2"],
        ["Q1", "Q2", "Q3", "Q4"],
        ["TOP 10", "TOP 20"],
        ["Credit 100", "Credit 200", "Debit 100"],
        ["P1", "P2", "P3"],
        ["P1S", "P2S", "P3X"],
    ],
    ids=lambda cells: cells[0],
)
def test_codes_stay_text(cells: list[str]):
    decision = found(cells * 8)
    assert decision.odd is None
    assert decision.reading.form == "text"


@pytest.mark.parametrize(
    "levels, missing",
    [
        ("NA DE FR", ()),
        ("NA EMEA APAC LATAM", ()),
        ("NA EU US", ()),
        ("NA HIGH LOW", ("NA",)),
        ("NA Europe Asia", ("NA",)),
    ],
)
def test_na_among_codes_of_places_is_a_place(levels: str, missing: tuple[str, ...]):
    assert found(levels.split() * 8).reading.missing == missing


MISSING = (
    "s/o|s. o.|k. A.|k.Ang.|entf.|sin datos|sin valor|no aplicable|non concerné|aucune donnée"
    "|pas de réponse|données manquantes"
    "|(vide)|(leer)|(en blanco)|#¡DIV/0!|#¿NOMBRE?|Err:502|########|{null}|nodata|keine Daten"
    "|nicht erfasst|nicht ermittelt"
    "|ikke oplyst|geen gegevens|NA_character_|non-response|value missing|ungültig|indéterminé|n.v.t."
    "|sem dados|non applicabile"
)


@pytest.mark.parametrize("word", MISSING.split("|"))
def test_a_word_for_missing_is_one_in_any_language(word: str):
    assert is_missing_word(word)
    cells = [*PLAIN[:20], word]
    values, lost = as_read(found(cells).reading, pd.Series(cells, dtype=object))
    assert np.isnan(values.iloc[20])
    assert not lost.any()


@pytest.mark.parametrize("word", ["keine", "aucun", "ninguno", "geen", "leer", "vide", "NC", "SD", "NR", "#"])
def test_a_word_that_may_be_an_answer_is_one_between_words(word: str):
    assert is_missing_word(word)
    assert not is_missing_level(word)


DAYS = [pd.Timestamp("2024-01-05 09:30:15") + pd.Timedelta(hours=219 * i, minutes=7 * i) for i in range(N)]
FORMATS = (
    "%Y_%m_%d|%d_%m_%Y|%d %m %Y|%d.%m.%Y.|%Y.%m.%d.|%Y-%m-%d (%a)|%Y-%m-%d %a|%d.%m.%Y %H:%M Uhr|%d.%m.%Y um %H:%M"
    "|%d/%m/%Y à %H:%M|%d/%m/%Y %Hh%M|%H:%M %d.%m.%Y|%I:%M %p %m/%d/%Y|%I:%M %p, %d %b %Y"
    "|%H:%M, %d %B %Y|%Y%m%d %H:%M"
    "|%Y-%m-%d_%H:%M|%Y-%m-%d@%H:%M|[%d/%b/%Y:%H:%M:%S +0000]|%Y-%m-%dT%H-%M-%S|%Y:%m:%d %H:%M:%S"
    "|%I:%M:%S %p %d-%b-%Y"
    "|%Y-%m-%d %H:%M:%S Europe/Berlin|%d %m %Y %H:%M"
)


@pytest.mark.parametrize("written", FORMATS.split("|"))
def test_a_moment_is_read_as_it_is_written(written: str):
    cells = pd.Series([day.strftime(written) for day in DAYS], dtype=object)
    precise = "s" if "%S" in written else "min" if "%M" in written else "D"
    rule = found(list(cells)).reading
    assert rule.form == "date"
    assert as_read(rule, cells)[0].tolist() == [day.floor(precise) for day in DAYS]


@pytest.mark.parametrize(
    "pattern",
    [
        "{y}.Q{q}",
        "{y}:Q{q}",
        "{y}-T{q}",
        "{y}T{q}",
        "Quarter {q}, {y}",
        "{q}T{y}",
        "{q}º trimestre {y}",
        "{q}er trimestre {y}",
        "{y} Quarter {q}",
        "{y}-{q}Q",
        "{q}.Q {y}",
        "Q{q}, {y}",
        "{y}, Q{q}",
        "{y} Qtr {q}",
        "Qtr {q} {y}",
        "{q}. Quartal {y}",
        "Q{q} {y}",
        "{y}Q{q}",
    ],
)
def test_a_quarter_is_its_first_day(pattern: str):
    cells = [pattern.format(q=1 + i % 4, y=2010 + i // 4) for i in range(N)]
    rule = found(cells).reading
    assert rule.form == "date"
    values = as_read(rule, pd.Series(cells, dtype=object))[0]
    assert values.tolist() == [pd.Timestamp(2010 + i // 4, 3 * (i % 4) + 1, 1) for i in range(N)]


MONTHS = [pd.Timestamp(2019 + i // 12, 1 + i % 12, 1) for i in range(N)]
OF_2000 = [day.replace(year=2000) for day in DAYS]
LAYOUTS = (
    *(
        (written, DAYS, OF_2000)
        for written in ("%d-%b", "%-d-%b", "%d %B", "%b %d", "%B %-d", "%d.%m.", "%d-%b %H:%M")
    ),
    *((written, DAYS, OF_2000) for written in ("%b %d %H:%M:%S", "%d/%m", "%m/%d", "%m/%d  %H:%M:%S")),
    *((written, MONTHS, MONTHS) for written in ("%y-%b", "%b-%y", "%b %y", "%B %y")),
    *((written, MONTHS[::-1], MONTHS[::-1]) for written in ("%y-%b", "%b-%y")),
    *((written, DAYS, DAYS) for written in ("%Y-%j", "%Y%j", "%Y/%j", "%Y-%jT%H:%M:%S")),
)


@pytest.mark.parametrize("written, days, values", LAYOUTS, ids=[case[0] for case in LAYOUTS])
def test_a_date_is_read_as_its_column_lays_it_out(
    written: str, days: list[pd.Timestamp], values: list[pd.Timestamp]
):
    cells = pd.Series([day.strftime(written) for day in days], dtype=object)
    rule = decide(cells, "day").reading
    assert rule.form == "date"
    precise = "s" if "%S" in written else "min" if "%M" in written else "D"
    assert as_read(rule, cells)[0].tolist() == [value.floor(precise) for value in values]
    assert as_read(rule, cells.iloc[:1])[0].tolist() == [values[0].floor(precise)]
    assert Reading.from_dict(rule.to_dict()) == rule


@pytest.mark.parametrize(
    "name, cells, form",
    [
        ("invoice", [f"2023-{i:03d}" for i in range(1, N)], "text"),
        ("price", [f"20{23 + i}{100 + i}" for i in range(N)], "number"),
        ("day", [f"2023{i:03d}" for i in range(360, 400)], "number"),
        ("age", ["5-Sep", "10-Dec", "15-19", "20-24"] * 6, "text"),
        ("event", ["Marathon 12", "Marathon 16", "Decathlon 08", "Mayor 20", "Junior 04"] * 5, "text"),
        ("odds", [f"{1 + i % 28}/{1 + i % 12}" for i in range(40)], "text"),
        ("day", [f"{1 + i % 12}/{1 + i % 11}" for i in range(40)], "text"),
        ("day", [f"2023-{1 + 9 * i:03d}" for i in range(40)], "date"),
        ("count", [f"{y}-{d:03d}" for y in (2022, 2023) for d in range(1, 366, 5)], "date"),
    ],
)
def test_a_layout_that_may_be_a_code_needs_the_name_or_whole_years(name: str, cells: list[str], form: str):
    assert decide(pd.Series(cells, dtype=object), name).reading.form == form


def test_a_layout_with_two_meanings_is_reported():
    cells = [f"{n:02d}-{month}" for n in (12, 3, 25, 7, 18) for month in ("Mar", "Jan")]
    assert "'12-Mar' is read as a day of any year" in decide(pd.Series(cells, dtype=object), "c").reading.note


def test_a_slip_in_the_first_cell_does_not_lay_out_the_others():
    cells = [
        "soon",
        *(f"{1 + i % 28:02d}-{month}" for i, month in enumerate(["Jan", "Mar", "Jul"] * 20)),
    ]
    rule = decide(pd.Series(cells, dtype=object), "c").reading
    assert rule.layout == "day and named month"
    assert "such as soon" not in rule.note


@pytest.mark.parametrize(
    "name, scale, layout",
    [
        ("time", 1, "seconds"),
        ("time_ms", 1e3, "milliseconds"),
        ("time_ns", 1, ""),
        ("elapsed time", 1, ""),
        ("time_us", 1e6, "microseconds"),
    ],
)
def test_a_unit_in_the_name_decides_how_time_is_counted(name: str, scale: float, layout: str):
    assert count_of_time(name, np.array([scale * (1.7e9 + 60 * i) for i in range(30)])) == layout


def test_milliseconds_of_microsoft_are_moments():
    cells = [f"/Date({1_700_000_000_000 + i}{zone})/" for i, zone in enumerate(["", "+0100", "-0500"])] * 8
    assert as_read(found(cells).reading, pd.Series(cells[:1], dtype=object))[0].tolist() == [
        pd.Timestamp(1_700_000_000, unit="s")
    ]


@pytest.mark.parametrize(
    "cell, hours",
    [
        ("9:30 h", 9.5),
        ("1 02:00:00", 26.0),
        ("1.02:00:00", 26.0),
        ("-1.02:00:00", -26.0),
        ("-1 02:00:00", -26.0),
        ("-1 days +02:00:00", -22.0),
        ("-02:00", -2.0),
        ("09:30h", 9.5),
        ("9u30", 9.5),
        ("9.30 AM", 9.5),
        ("PT9H30M", 9.5),
        ("P1DT2H", 26.0),
        ("P1Y2M", 10227.0),
        ("P3M", 2191.5),
        ("-P1.5D", -36.0),
        ("PT2,5H", 2.5),
        ("3:05 PM ET", 15 + 1 / 12),
        ("15:05 CEST", 15 + 1 / 12),
        ("3:05pm BST", 15 + 1 / 12),
        ("15:05 GMT+2", 15 + 1 / 12),
        ("1w 2d 3h", 219.0),
        ("2 weeks, 1 day", 360.0),
        ("noon", 12.0),
        ("Midnight", 0.0),
        ("9:30p", 21.5),
    ],
)
def test_a_time_is_read_in_hours(cell: str, hours: float):
    rule = found([cell, *(f"{i}:15" for i in range(10, N))]).reading
    assert rule.form == "time"
    assert as_read(rule, pd.Series([cell], dtype=object))[0].iloc[0] == hours
