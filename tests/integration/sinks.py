#!/usr/bin/env python3
"""What test_sinks.sh looks at, written from the specifications alone.

lines FILE COUNT        lines of docs/events.md: ids without gaps, so many decisions
ocsf FILE COUNT         OCSF 1.3.0 dns_activity with security_control: what is required, of the right type
frames FILE FOLDER      Frame Streams: one file for each frame in FOLDER
policy FOLDER COUNT     what protoc printed of them: so many have a policy
syslog FILE COUNT WAY...  what rsyslog wrote, by input
reader PORT FILE [CERTIFICATE KEY]   takes connections, and appends what it reads
"""
import json
import os
import re
import socket
import ssl
import struct
import sys
import threading


def fail(*words):
    print(*words, file=sys.stderr)
    sys.exit(1)


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def lines(path, count):
    events = read_lines(path)
    for event in events:
        in_log = event["event"] != "query" # no log has them: audit.queries is off
        if event["v"] != 1 or event["log"] != ("resolver.test/audit" if in_log else None) or \
                in_log == event["id"].startswith("r"):
            fail("not ours:", event)
    decisions = [e for e in events if e["event"] == "decision"]
    numbers = [int(e["id"][1:]) for e in decisions]
    if len(decisions) != int(count) or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        fail(len(decisions), "decisions", numbers[:10])
    if not all(e["status_class"] == "designated" and e["list"] == "one" for e in decisions):
        fail("a decision without its ground")


# Attribute: type, and whether it is required (schema.ocsf.io, 1.3.0, class dns_activity, profile security_control).
OCSF = {
    "activity_id": (int, True), "category_uid": (int, True), "class_uid": (int, True), "type_uid": (int, True),
    "severity_id": (int, True), "time": (int, True), "metadata": (dict, True), "metadata.version": (str, True),
    "metadata.product": (dict, True), "metadata.product.vendor_name": (str, True), "metadata.uid": (str, True),
    "metadata.profiles": (list, True), "query": (dict, True), "query.hostname": (str, True), "query.type": (str, False),
    "query_time": (int, False), "response_time": (int, False), "rcode": (str, False), "rcode_id": (int, False),
    "src_endpoint": (dict, True), "src_endpoint.ip": (str, False), "src_endpoint.name": (str, False),
    "src_endpoint.port": (int, False), "connection_info": (dict, False), "connection_info.direction_id": (int, True),
    "connection_info.protocol_num": (int, False), "action_id": (int, True), "action": (str, False),
    "disposition_id": (int, False), "disposition": (str, False), "is_alert": (bool, False),
    "confidence_id": (int, False), "firewall_rule": (dict, False), "firewall_rule.name": (str, False),
    "policy": (dict, False), "policy.version": (str, False), "unmapped": (dict, True),
}


def look_up(event, path):
    for key in path.split("."):
        if not isinstance(event, dict) or key not in event:
            return None
        event = event[key]
    return event


def ocsf(path, count):
    denied = others = 0
    for event in read_lines(path):
        for attribute, (kind, required) in OCSF.items():
            value = look_up(event, attribute)
            if value is None:
                if required:
                    fail("no", attribute, "in", event)
            elif type(value) is not kind:
                fail(attribute, "is", value)
        if (event["class_uid"], event["category_uid"]) != (4003, 4) or \
                event["type_uid"] != event["class_uid"] * 100 + event["activity_id"] or \
                event["metadata"]["profiles"] != ["security_control"] or event["metadata"]["version"] != "1.3.0":
            fail("another class:", event)
        whole = event["unmapped"]
        if event["query"]["hostname"] != whole["name"] or event["metadata"]["uid"] != whole["id"]:
            fail("not the same event:", event)
        if whole["event"] == "decision":
            denied += 1
            if (event["action_id"], event["disposition_id"], event["is_alert"]) != (2, 2, True) or \
                    event["policy"]["uid"] != "one" or not event["firewall_rule"]["name"].startswith("block suffix "):
                fail("a block:", event)
        else:
            others += 1
            if (event["action_id"], event["disposition_id"], event["is_alert"]) != (1, 16, False):
                fail("no block:", event)
    if denied != int(count) or others < int(count) + 1:
        fail(denied, "denied", others, "others")


def frames(path, folder):
    os.makedirs(folder)
    with open(path, "rb") as file:
        octets = file.read()
    at, number, controls = 0, 0, []
    while at < len(octets):
        length, = struct.unpack_from(">I", octets, at)
        at += 4
        if length == 0:
            length, kind = struct.unpack_from(">II", octets, at)
            controls.append(kind)
            at += 4 + length
        else:
            with open(f"{folder}/{number:06}", "wb") as out:
                out.write(octets[at:at + length])
            number += 1
            at += length
    if at != len(octets) or controls != [2, 3]:
        fail("no stream from START to STOP:", controls)


def policy(folder, count):
    found = {}
    with_policy = 0
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".txt"):
            continue
        with open(f"{folder}/{name}", encoding="utf-8") as file:
            text = file.read()
        if re.search(r"^  \d+:", text, re.M) or "type: MESSAGE" not in text or "type: CLIENT_QUERY" not in text:
            fail("protoc does not know it all:", text)
        inside = re.search(r"  policy \{(.*?)\n  \}", text, re.S)
        if inside:
            with_policy += 1
            rule = re.search(r'rule: "(.*)"', inside.group(1)).group(1)
            action = re.search(r"action: (\w+)", inside.group(1))
            found[rule] = action.group(1) if action else None
            if 'type: "decision"' not in inside.group(1) or "match: QNAME" not in inside.group(1) or \
                    'value: "' not in inside.group(1):
                fail(inside.group(1))
    want = {"one: block suffix blocked.test": "LOCAL_DATA", "one: block suffix gone.test": "NXDOMAIN",
            "one: block suffix told.test": None}
    if with_policy != int(count) or found != want:
        fail(with_policy, found)


def syslog(path, count, *ways):
    pattern = re.compile(r"(\S+) (\d+) (\S+) cordond (\S+) (\[cordon@32473 .*?[^\\]\]) # ?(.*)")
    seen = {way: 0 for way in ways}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if " rsyslogd " in line:
                continue
            match = pattern.fullmatch(line.rstrip("\n"))
            if not match:
                fail("no line of ours:", line)
            way, priority, host, kind, data, message = match.groups()
            if host != socket.gethostname():
                fail("host:", line)
            if kind != "decision":
                continue
            seen[way] += 1
            if priority != ("157" if way == "tls" else "85"):
                fail("priority:", line)
            event = json.loads(message)
            params = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', data))
            if params["id"] != event["id"] or params["status_class"] != event["status_class"] or \
                    params["name"] != event["name"] or params["applied"] != "true":
                fail("not the same:", line)
    if any(number != int(count) for number in seen.values()):
        fail(seen)


def reader(port, path, certificate=None, key=None):
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", int(port))) as server, open(path, "ab", buffering=0) as out:
        def serve(connection):
            try:
                if context:
                    connection = context.wrap_socket(connection, server_side=True)
                while True:
                    octets = connection.recv(65536)
                    if not octets:
                        break
                    out.write(octets)
            except OSError:
                pass

        while True:
            threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()


if __name__ == "__main__":
    {"lines": lines, "ocsf": ocsf, "frames": frames, "policy": policy, "syslog": syslog,
     "reader": reader}[sys.argv[1]](*sys.argv[2:])
