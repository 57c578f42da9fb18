#!/usr/bin/env python3
"""A compose file of one service as options of podman, for a machine without an engine that reads it.

usage: compose.py networks|run FILE
FILE is what `docker-compose config` prints, which has checked it. Prints one option in a line: of
`podman network create`, or of `podman run` up to the command. Strict: a key that is not known here
is a fault, so that nothing of the file is left untested."""
import sys

import yaml


def known(what, mapping, *keys):
    unknown = set(mapping) - set(keys)
    if unknown:
        sys.exit("compose.py: %s: unknown %s" % (what, " ".join(sorted(unknown))))


def duration_s(text):
    return str(text) if str(text).endswith("s") else sys.exit("compose.py: not seconds: %s" % text)


def networks(document):
    words = []
    for name, network in document.get("networks", {}).items():
        known("networks", network, "driver", "driver_opts", "ipam")
        known("ipam", network["ipam"], "config")
        words += ["--driver", network["driver"]]
        for key, value in network["driver_opts"].items():
            words += ["--opt", "%s=%s" % (key, value)]
        for place in network["ipam"]["config"]:
            known("ipam.config", place, "subnet", "gateway")
            words += ["--subnet", place["subnet"], "--gateway", place["gateway"]]
        words.append(name)
    return words


def run(document):
    (service,) = document["services"].values()
    known("services", service, "image", "command", "user", "cap_drop", "cap_add", "security_opt", "read_only",
          "volumes", "healthcheck", "restart", "network_mode", "networks", "sysctls", "dns", "logging")
    words = []
    for key, option in (("cap_drop", "--cap-drop"), ("cap_add", "--cap-add"), ("security_opt", "--security-opt"),
                        ("dns", "--dns")):
        for value in service.get(key, []):
            words += [option, value]
    sysctls = service.get("sysctls", {})
    for value in sysctls if isinstance(sysctls, list) else ["%s=%s" % pair for pair in sysctls.items()]:
        words += ["--sysctl", value]
    for value in service["volumes"]:
        if isinstance(value, dict):
            known("volumes", value, "type", "source", "target", "volume")
            value = "%s:%s" % (value["source"], value["target"])
        # Without ":rw", which the normal form adds.
        words += ["--volume", ":".join(value.split(":")[:2])]
    known("logging", service["logging"], "driver", "options")
    options = dict(service["logging"]["options"])
    if not options.pop("max-file", "").isdigit():  # podman keeps one
        sys.exit("compose.py: logging: as many files as come")
    words += ["--log-driver", service["logging"]["driver"], "--log-opt", "max-size=%s" % options.pop("max-size")]
    known("logging.options", options)
    if "user" in service:
        words += ["--user", service["user"]]
    if service["read_only"] is True:
        words.append("--read-only")
    words += ["--restart", "no" if service["restart"] == "unless-stopped" else service["restart"]]
    health = service["healthcheck"]
    known("healthcheck", health, "test", "interval", "timeout", "retries")
    if health["test"][0] != "CMD":
        sys.exit("compose.py: there is no shell in the image: a health check is CMD")
    words += ["--health-cmd", str(health["test"][1:]).replace("'", '"'), "--health-retries", str(health["retries"]),
              "--health-interval", duration_s(health["interval"]), "--health-timeout", duration_s(health["timeout"])]
    if "network_mode" in service:
        words += ["--network", service["network_mode"]]
    for name, place in service.get("networks", {}).items():
        known("networks", place, "ipv4_address")
        words += ["--network", name, "--ip", place["ipv4_address"]]
    return words + [service["image"]] + service["command"]


def main():
    with open(sys.argv[2], encoding="utf-8") as file:
        document = yaml.safe_load(file)
    known("the file", document, "services", "networks", "volumes", "version")
    print("\n".join({"networks": networks, "run": run}[sys.argv[1]](document)))


main()
