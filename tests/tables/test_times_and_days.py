"""Times of day and durations, days of six digits, and days without a year: what their column's name and cells decide."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from shrinkage._errors import RequestError
from shrinkage.tables import Preprocessor, check_new_rows, check_table, read_table, split_target
from shrinkage.tables.read._column_cells import Hints
from shrinkage.tables.read._reading import Reading, as_read
from shrinkage.tables.read._typing import decide

N = 60
SHORT = [f"{i % 12}:{(7 * i) % 60:02d}" for i in range(N)]
DAYS = [pd.Timestamp("2024-01-05") + pd.Timedelta(days=11 * i) for i in range(N)]
MIXED = [DAYS[(37 * i) % N] for i in range(N)]


def rule_of(name: str, cells: list[str], day_first: bool | None = None) -> Reading:
    return decide(pd.Series(cells, dtype=object), name, Hints(day_first=day_first)).reading


@pytest.mark.parametrize(
    "name, cells, layout, hours",
    [
        ("duration", SHORT, "duration", [0, 1 + 7 / 60]),
        ("timeSpent", SHORT, "duration", [0, 1 + 7 / 60]),
        ("time_spent (h)", SHORT, "duration", [0, 1 + 7 / 60]),
        ("Dauer", SHORT, "duration", [0, 1 + 7 / 60]),
        ("opens", SHORT, "", [0, 1 + 7 / 60]),
        ("elapsed", [f"{1 + i % 11}:{i:02d} PM" for i in range(N)], "", [13, 14 + 1 / 60]),
        (
            "length",
            ["45:10", "1:02:03", "3:20"] * 20,
            "minutes:seconds",
            [45 / 60 + 10 / 3600, 1 + 2 / 60 + 3 / 3600],
        ),
        (
            "t",
            ["45:10", "1:02:03", "3:20"] * 20,
            "minutes:seconds",
            [45 / 60 + 10 / 3600, 1 + 2 / 60 + 3 / 3600],
        ),
        ("t", ["08:45", "08:45:30", "13:20"] * 20, "", [8.75, 8.75 + 30 / 3600]),
        ("t", ["-1:30", "2:15", "0:20"] * 20, "duration", [-1.5, 2.25]),
        ("t", ["3h 20m", "45m", "2h"] * 20, "duration", [10 / 3, 0.75]),
        ("t", ["5:30.5", "6:12.25", "5:59.9"] * 20, "duration", [330.5 / 3600, 372.25 / 3600]),
        ("t", ["24:00", "00:15", "12:00"] * 20, "", [24, 0.25]),
    ],
)
def test_durations_have_no_daily_cycle(name: str, cells: list[str], layout: str, hours: list[float]):
    rule = rule_of(name, cells)
    assert (rule.form, rule.layout) == ("time", layout)
    assert ("holds durations" in rule.note) == bool(layout)
    assert Reading.from_dict(rule.to_dict()) == rule
    np.testing.assert_allclose(as_read(rule, pd.Series(cells[:2], dtype=object))[0], hours)


@pytest.mark.parametrize("name, cycle", [("duration", False), ("opens", True)])
@pytest.mark.filterwarnings("ignore:Column")
def test_a_network_sees_the_hours_of_a_duration_alone(name: str, cycle: bool, tmp_path: Path):
    frame = pd.DataFrame({name: SHORT, "noise": 0.5 * np.arange(N)})
    frame.to_csv(tmp_path / "t.csv", index=False)
    for given in (frame, read_table(tmp_path / "t.csv").frame):
        fitted = Preprocessor().fit(given)
        assert any("cosine" in part for part in fitted.feature_names_out) == cycle
        half = Preprocessor().fit(given[: N // 2], whole=fitted)
        assert half.feature_names_out == fitted.feature_names_out
    (tmp_path / "new.csv").write_text(f"{name},noise\n1:30,1\nsoon,2\n")
    what = "a time of day" if cycle else "a duration"
    with pytest.raises(RequestError, match=f"line 3: column '{name}' is 'soon', not {what}"):
        check_new_rows(read_table(tmp_path / "new.csv", like=fitted), fitted)


@pytest.mark.parametrize(
    "written, days, layout",
    [
        ("%y%m%d", DAYS, "yymmdd"),
        ("%y%m%d", MIXED, "yymmdd"),
        ("%d%m%y", MIXED, "ddmmyy"),
        ("%m%d%y", MIXED, "mmddyy"),
        ("%d%m%y", DAYS, "ddmmyy"),
    ],
)
def test_six_digits_in_a_column_called_date_are_days(
    written: str, days: list[pd.Timestamp], layout: str, tmp_path: Path
):
    lines = [f"{day.strftime(written)},{i % 7}" for i, day in enumerate(days)]
    (tmp_path / "t.csv").write_text("\n".join(["sale_date,y", *lines]) + "\n")
    table = read_table(tmp_path / "t.csv")
    assert table.readings["sale_date"].layout == layout
    assert f"read as {layout} (--text sale_date" in " ".join(check_table(table, "y", task="regression"))
    assert as_read(table.readings["sale_date"], pd.Series(table.frame["sale_date"]))[0].tolist() == days
    fitted = Preprocessor().fit(table.frame[["sale_date"]])
    numbers = table.frame[["sale_date"]].astype(int)
    np.testing.assert_array_equal(fitted.transform(numbers), fitted.transform(table.frame))


@pytest.mark.parametrize(
    "name, cells",
    [
        ("price", [day.strftime("%y%m%d") for day in DAYS]),
        ("date", [str(100_000 + 3_777 * i) for i in range(N)]),
        ("data", [str(240_105 + i) for i in range(N)]),
    ],
)
def test_other_six_digits_are_numbers(name: str, cells: list[str], tmp_path: Path):
    (tmp_path / "t.csv").write_text("\n".join([f"{name},y", *(f"{cell},1" for cell in cells)]) + "\n")
    assert read_table(tmp_path / "t.csv").frame[name].tolist() == [*map(int, cells)]


@pytest.mark.parametrize("day_first", [True, False, None])
def test_days_without_a_year_take_the_order_asked_for(day_first: bool | None):
    rule = rule_of("date", [f"{1 + i % 12}/{1 + i % 11}" for i in range(N)], day_first)
    assert rule.form == ("text" if day_first is None else "date")
    if day_first is None:
        assert "such as '1/1' may be days without a year" in rule.note
        assert "--day-first or --month-first" in rule.note
    else:
        value = pd.Timestamp(2000, 2, 1) if day_first else pd.Timestamp(2000, 1, 2)
        assert as_read(rule, pd.Series(["1/2"], dtype=object))[0].tolist() == [value]


JULY = [f"{1 + i % 28:02d}-{month}" for i, month in enumerate(["Jan", "Mar", "Jul"] * 20)]
MONTHS = [day.strftime("%b-%y") for day in DAYS]


@pytest.mark.parametrize("cells, other", [(JULY, "Jan-24"), (MONTHS, "20-Jul")])
@pytest.mark.filterwarnings("ignore:Column")
def test_a_month_of_a_year_is_no_day_of_any_year(cells: list[str], other: str, tmp_path: Path):
    fitted = Preprocessor().fit(pd.DataFrame({"c": cells, "noise": 0.5 * np.arange(N)}))
    (tmp_path / "new.csv").write_text(f"c,noise\n{cells[0]},1\n{other},2\n")
    with pytest.raises(
        RequestError, match=f"line 3: column 'c' is '{other}', not a date written as in the training"
    ):
        check_new_rows(read_table(tmp_path / "new.csv", like=fitted), fitted)


@pytest.mark.parametrize(
    "cells", [[f"Jan {1 + i}" for i in range(9)], [f"{1 + i:02d}.01." for i in range(9)]]
)
def test_other_days_of_any_year_take_both_layouts(cells: list[str]):
    assert rule_of("c", cells).layout == "day and month"


def test_both_layouts_in_one_column_are_reported():
    assert "'Jan-24' may also name a month of a year" in rule_of("c", [*JULY, "Jan-24"]).note


def test_moments_without_a_zone_beside_some_with_one_are_reported():
    cells = [f"2024-01-{1 + i % 28:02d} 13:05{'+02:00' if i % 3 else ''}" for i in range(N)]
    assert "converted to UTC; 20 without a zone read as UTC" in rule_of("c", cells).note
    utc = [cell.replace("+02:00", "Z") for cell in cells if "+" in cell]
    assert not rule_of("c", utc).note


@pytest.mark.parametrize(
    "cells, note",
    [
        (["00:05:30", "00:12:10", "01:02:03"], "such as '00:05:30'; if they are durations, put that word"),
        (["13:05+02:00", "14:05+02:00"], "the zone in '13:05+02:00' left out, the clock kept as written"),
        (["2024-01-05 13:05 Asia/Tokyo"], "the zone behind '2024-01-05 13:05 Asia/Tokyo' left out"),
        (["08:45 ET", "13:20 PT"], "the zone in '08:45 ET' left out, the clock kept as written"),
        (["Jan 5, 2024 3:05 PM ET"], "the zone behind 'Jan 5, 2024 3:05 PM ET' left out, the clock kept"),
        (["P1Y2M", "P3M", "P1D", "PT5M"], "in hours, a day as 24, a month as 730.5 and a year as 8,766"),
        (["08:45", "13:20"], ""),
    ],
)
def test_what_may_be_wrong_with_times_is_reported(cells: list[str], note: str):
    assert note in rule_of("t", cells * 30).note
    assert bool(note) == bool(rule_of("t", cells * 30).note)


@pytest.mark.parametrize(
    "cells, first, unit",
    [
        (SHORT, 0.0, "hours"),
        ([f"{1 + i % 5}d {i % 24}h" for i in range(N)], 24.0, "hours"),
        ([day.strftime("%d/%m/%Y") for day in DAYS], 8770.0, "days since 2000-01-01"),
    ],
)
def test_moments_are_values_where_a_regression_is_asked_for(
    cells: list[str], first: float, unit: str, tmp_path: Path
):
    lines = [f"{i % 7},{cell}" for i, cell in enumerate(cells)]
    (tmp_path / "t.csv").write_text("\n".join(["a,y", *lines]) + "\n")
    table = read_table(tmp_path / "t.csv")
    with pytest.raises(RequestError, match=f"Use --task regression to predict them in {unit}"):
        check_table(table, "y")
    check_table(table, "y", task="regression")
    problem = split_target(table, "y", "regression")
    assert problem.target[0] == first
    assert f"'y' in {unit}" in problem.reason
