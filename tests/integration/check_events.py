#!/usr/bin/env python3
"""Checks a file of events against docs/events.schema.json and against what a test expects.

usage: check_events.py SCHEMA EVENTS [--rows]
With --rows standard input has a row for each event that must be there:
    NAME TYPE KEY=VALUE KEY=VALUE ...      VALUE as JSON, or a plain word
or "! NAME TYPE [KEY=VALUE ...]" for one that must not. Rows "# words" are printed.
Exit status 1 at the first fault, which is printed."""
import json
import re
import shlex
import sys

KNOWN = {"$schema", "$id", "title", "description", "type", "properties", "required", "enum", "const",
         "additionalProperties", "items", "oneOf", "anyOf", "allOf", "minimum", "maximum", "pattern",
         "minLength", "maxLength", "minItems", "maxItems", "$defs", "$ref", "definitions", "if", "then",
         "else", "examples", "format", "$comment", "default", "unevaluatedProperties"}
KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def is_kind(value, word):
    if word == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if word == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, KINDS[word])


def faults(value, schema, root, where="$"):
    """A generator of what is wrong: the part of JSON Schema that the schema uses."""
    unknown = set(schema) - KNOWN
    if unknown:
        yield "%s: this check does not know the words %s of the schema" % (where, sorted(unknown))
    if "$ref" in schema:
        part = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            part = part[step]
        yield from faults(value, part, root, where)
    if "const" in schema and value != schema["const"]:
        yield "%s: %r is not %r" % (where, value, schema["const"])
    if "enum" in schema and value not in schema["enum"]:
        yield "%s: %r is none of %r" % (where, value, schema["enum"])
    if "type" in schema:
        words = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(is_kind(value, word) for word in words):
            yield "%s: %r is no %s" % (where, value, " or ".join(words))
            return
    if isinstance(value, str):
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield "%s: %r does not match %s" % (where, value, schema["pattern"])
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 1 << 30):
            yield "%s: %r has a wrong length" % (where, value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield "%s: %r is out of range" % (where, value)
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1 << 30):
            yield "%s: %d items" % (where, len(value))
        for number, item in enumerate(value):
            yield from faults(item, schema.get("items", {}), root, "%s[%d]" % (where, number))
    if isinstance(value, dict):
        for key in schema.get("required", []):
            if key not in value:
                yield "%s: no %s" % (where, key)
        for key, item in value.items():
            if key in schema.get("properties", {}):
                yield from faults(item, schema["properties"][key], root, where + "." + key)
            elif schema.get("additionalProperties", True) is False:
                yield "%s: %s is not in the schema" % (where, key)
    for word, wanted in (("oneOf", (1,)), ("anyOf", range(1, 1000))):
        if word in schema:
            results = [list(faults(value, part, root, where)) for part in schema[word]]
            if sum(not result for result in results) not in wanted:
                yield "%s: fits %d of %s; %s" % (where, sum(not result for result in results), word,
                                                 min(results, key=len)[:3])
    for part in schema.get("allOf", []):
        yield from faults(value, part, root, where)
    if "if" in schema:
        holds = not any(True for _ in faults(value, schema["if"], root, where))
        yield from faults(value, schema.get("then" if holds else "else", {}), root, where)


def same(value, wanted):
    try:
        return value == json.loads(wanted) and isinstance(value, bool) == (wanted in ("true", "false"))
    except ValueError:
        return value == wanted


def check_row(row, events):
    absent = row.startswith("! ")
    name, qtype, *pairs = shlex.split(row.removeprefix("! "))
    pairs = [pair.split("=", 1) for pair in pairs]
    of_name = [event for event in events if event.get("name") == name and event.get("type") == qtype]
    found = [event for event in of_name
             if all(key in event and same(event[key], wanted) for key, wanted in pairs)]
    if bool(found) == absent:
        return "event '%s' is %s; of that name and type there %s:\n  %s" % (
            row, "there" if absent else "missing", "are" if of_name else "is nothing",
            "\n  ".join(json.dumps(event) for event in of_name[:5]))
    return None


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    events = []
    with open(sys.argv[2], encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                event = json.loads(line)
            except ValueError as error:
                print("%s:%d: no JSON: %s" % (sys.argv[2], number, error))
                return 1
            for fault in faults(event, schema, schema):
                print("%s:%d: %s\n  %s" % (sys.argv[2], number, fault, line.strip()))
                return 1
            events.append(event)
    if sys.argv[3:] == ["--rows"]:
        for row in sys.stdin:
            row = row.strip()
            if row.startswith("#"):
                print("   " + row.lstrip("# "), flush=True)
            elif row:
                fault = check_row(row, events)
                if fault:
                    print(fault)
                    return 1
    print("   %d events are as the schema says" % len(events))
    return 0 if events else 1


if __name__ == "__main__":
    sys.exit(main())
