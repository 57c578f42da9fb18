"""Compares an index of `cordon audit index` with the lines of `cordon audit search --stream all --json`.

Usage: index_check.py FILE.sqlite EVENTS
Every field of every line is the column of that name, of the row with that id; and no row is more.
"""
import json
import sqlite3
import sys

VIEWS = {"d": "decisions", "q": "queries", "c": "changes"}


def value_of(field):
    """As a column has it."""
    if isinstance(field, bool):
        return int(field)
    if isinstance(field, list):
        return json.dumps(field, separators=(",", ":"), ensure_ascii=False) if field else None
    return field


def main():
    database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    rows = {}
    for view in VIEWS.values():
        for row in database.execute(f"SELECT * FROM {view}"):
            rows[row["id"]] = dict(row)
    faults = []
    lines = 0
    with open(sys.argv[2], encoding="utf-8") as events:
        for line in events:
            lines += 1
            event = json.loads(line)
            row = rows.pop(event["id"], None)
            if row is None:
                faults.append(f"{event['id']} is not in the index")
                continue
            if event["id"].split("-")[-1][0] == "c":
                if json.loads(row["json"]) != event:
                    faults.append(f"{event['id']}: json is {row['json']}, not {line}")
                event = {key: event.get(key) for key in ("event", "time", "what", "reason", "user")}
                event = {key: event[key] for key in event if event[key] is not None}
            event.pop("v", None)
            if event.get("list") is None and event.get("serial") == 0:
                event["serial"] = None  # no ground has no serial
            for key, field in event.items():
                if key not in row:
                    faults.append(f"{key} of {event.get('id')} is no column")
                elif row[key] != value_of(field):
                    faults.append(f"{event.get('id')}: {key} is {row[key]!r}, not {value_of(field)!r}")
    faults += [f"{name} is in the index alone" for name in rows]
    for fault in faults[:20]:
        print(fault)
    return 1 if faults or lines == 0 else 0


sys.exit(main())
