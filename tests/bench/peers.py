"""Resolvers of others, from Debian's packages, each with the same list, configured as its manual recommends.

A peer has one thread or worker for questions, caches of at least the names that are asked, validation off (cordon
forwards; it does not validate), large socket buffers where it has an option for them, and answers 0.0.0.0 for a listed
name and all below it. PEERS says what each is; start_peer() starts one. Nothing runs as a service: docs/performance.md.
"""
import collections
import subprocess

import process

# packages; what its table is headed with; function (own folder, port, context) -> command.
Peer = collections.namedtuple("Peer", "packages title configure log")
# rules: the names, in a file of its own form for each; log: the file of the text query log, or None.
Context = collections.namedtuple("Context", "bench upstream rules log tls")


# --- the list, in the forms that they read; each is written once

def written(bench, kind, rules, write):
    path = bench.work / f"rules-{kind}-{len(rules)}"
    if not path.exists():
        with open(path, "w", encoding="ascii") as out:
            write(out)
    return path


def rpz_file(context):
    def write(out):
        out.write("$ORIGIN rpz.bench.\n$TTL 3600\n@ SOA localhost. hostmaster.localhost. 1 3600 600 86400 60\n@ NS localhost.\n")
        for name in context.rules:
            out.write(f"{name} A 0.0.0.0\n*.{name} A 0.0.0.0\n")
    return written(context.bench, "rpz", context.rules, write)


def lines_file(context, kind, line):
    """line: with one %s for the name."""
    return written(context.bench, kind, context.rules, lambda out: out.writelines(line % name + "\n" for name in context.rules))


def cdb_file(context):
    """Keys: names in wire format; values: one octet. Made by cdb(1)."""
    path = context.bench.work / f"rules-{len(context.rules)}.cdb"
    if not path.exists():
        records = bytearray()
        for name in context.rules:
            key = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
            records += b"+%d,1:%s->1\n" % (len(key), key)
        subprocess.run(["cdb", "-c", path], input=bytes(records) + b"\n", check=True)
    return path


# --- configurations

def unbound(own, port, context, modules, rules):
    log = f'  log-queries: yes\n  logfile: "{context.log}"\n' if context.log else ""
    (own / "unbound.conf").write_text(
        f"server:\n  interface: 127.0.0.1@{port}\n  num-threads: 1\n  so-rcvbuf: 4m\n  so-sndbuf: 4m\n"
        "  outgoing-range: 8192\n  num-queries-per-thread: 4096\n  msg-cache-size: 50m\n  rrset-cache-size: 100m\n"
        "  incoming-num-tcp: 100\n  do-not-query-localhost: no\n  use-syslog: no\n  username: \"\"\n  chroot: \"\"\n"
        f'  pidfile: ""\n  directory: "{own}"\n  module-config: "{modules}"\n{log}{rules}'
        f'remote-control:\n  control-enable: no\nforward-zone:\n  name: "."\n  forward-addr: 127.0.0.1@{context.upstream}\n')
    return ["unbound", "-d", "-c", own / "unbound.conf"]


def unbound_rpz(own, port, context):
    return unbound(own, port, context, "respip iterator", f'rpz:\n  name: rpz.bench.\n  zonefile: "{rpz_file(context)}"\n')


def unbound_zones(own, port, context):
    path = lines_file(context, "unbound", 'local-zone: "%s." always_null')
    return unbound(own, port, context, "iterator", f'  include: "{path}"\n')


def dnsdist(own, port, context, rules):
    """One listener and one TCP thread, a packet cache, answers of TCP out of order."""
    server = f'address="127.0.0.1:{context.upstream}"'
    if context.tls:
        server = (f'address="127.0.0.1:{context.tls.port}", tls="openssl", subjectName="{context.tls.name}", '
                  f'caStore="{context.tls.ca}", validateCertificates=true, maxInFlight=1000')
    log = f'addAction(AllRule(), LogAction("{context.log}", false, true, true, false))\n' if context.log else ""
    (own / "dnsdist.conf").write_text(
        "setUDPSocketBufferSizes(4194304, 4194304)\nsetMaxTCPClientThreads(1)\n"
        f'setLocal("127.0.0.1:{port}", {{maxInFlight=1000}})\n'
        f'newServer({{{server}, checkInterval=3600}})\nsetServerPolicy(firstAvailable)\nsetSecurityPollSuffix("")\n'
        f'getPool(""):setCache(newPacketCache(500000))\n{log}{rules}')
    return ["dnsdist", "--supervised", "--disable-syslog", "-C", own / "dnsdist.conf"]


def dnsdist_names(own, port, context):
    path = lines_file(context, "names", "%s")
    return dnsdist(own, port, context, "local names = newSuffixMatchNode()\n"
                   f'for line in io.lines("{path}") do names:add(newDNSName(line)) end\n'
                   'addAction(SuffixMatchNodeRule(names), SpoofAction({"0.0.0.0"}))\n')


def dnsdist_cdb(own, port, context):
    return dnsdist(own, port, context, f'local store = newCDBKVStore("{cdb_file(context)}", 3600)\n'
                   'addAction(KeyValueStoreLookupRule(store, KeyValueLookupKeySuffix()), SpoofAction({"0.0.0.0"}))\n')


def bind(own, port, context):
    """qname-wait-recurse no: a listed name is not asked for first. Rewrites are logged with the query log only."""
    queries = ("channel lines { file \"%s\"; print-time yes; }; category queries { lines; }; category rpz { lines; };" % context.log
               if context.log else "category queries { null; }; category rpz { null; };")
    (own / "named.conf").write_text(
        f'options {{\n  directory "{own}"; pid-file none; session-keyfile none; managed-keys-directory "{own}"; lock-file none;\n'
        f"  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};\n"
        f"  recursion yes; allow-query {{ 127.0.0.0/8; }}; dnssec-validation no; querylog {'yes' if context.log else 'no'};\n"
        f"  forwarders {{ 127.0.0.1 port {context.upstream}; }}; forward only; recursive-clients 10000;\n"
        "  response-policy { zone \"rpz.bench\"; } qname-wait-recurse no;\n};\n"
        f"controls {{ }};\nlogging {{ {queries} }};\n"
        f'zone "rpz.bench" {{ type primary; file "{rpz_file(context)}"; allow-query {{ none; }}; }};\n')
    return ["named", "-f", "-n", "1", "-c", own / "named.conf", "-L", own / "named.log"]


def recursor(own, port, context):
    (own / "rpz.lua").write_text(f'rpzFile("{rpz_file(context)}", {{policyName="bench"}})\n')
    (own / "recursor.conf").write_text(
        f"local-address=127.0.0.1\nlocal-port={port}\nsocket-dir={own}\ndaemon=no\ndisable-syslog=yes\nthreads=1\n"
        f"pdns-distributes-queries=no\ndnssec=off\nsecurity-poll-suffix=\nquiet={'no' if context.log else 'yes'}\n"
        f"loglevel={'6' if context.log else '3'}\nmax-concurrent-requests-per-tcp-connection=1000\ndont-query=\n"
        # The one upstream is never given up, however late it answers on a busy machine.
        "server-down-max-fails=0\n"
        f"forward-zones-recurse=.=127.0.0.1:{context.upstream}\nlua-config-file={own}/rpz.lua\n")
    return ["pdns_recursor", f"--config-dir={own}"]  # its log is what it writes to standard error


def kresd(own, port, context):
    (own / "config").write_text(
        f"net.listen('127.0.0.1', {port}, {{kind = 'dns'}})\ncache.size = 100 * MB\ntrust_anchors.remove('.')\n"
        "modules = {'policy'}\nmodules.unload('priming')\n"
        f"policy.add(policy.rpz(policy.DENY, '{rpz_file(context)}', false))\n"
        f"policy.add(policy.all(policy.STUB('127.0.0.1@{context.upstream}')))\n")
    return ["kresd", "-n", "-q", "-c", own / "config", own]


def dnsmasq(own, port, context):
    path = lines_file(context, "dnsmasq", "address=/%s/0.0.0.0")
    log = f"log-queries\nlog-facility={context.log}\nlog-async=100\n" if context.log else "log-facility=-\n"
    (own / "dnsmasq.conf").write_text(
        f"port={port}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\npid-file=\nuser=root\n"
        f"cache-size=20000\ndns-forward-max=10000\nserver=127.0.0.1#{context.upstream}\nconf-file={path}\n{log}")
    return ["dnsmasq", "--keep-in-foreground", "-C", own / "dnsmasq.conf"]


def smartdns(own, port, context):
    path = lines_file(context, "smartdns", "address /%s/0.0.0.0")
    log = f"audit-enable yes\naudit-file {context.log}\naudit-size 1g\n" if context.log else ""
    (own / "smartdns.conf").write_text(
        f"bind 127.0.0.1:{port}\nbind-tcp 127.0.0.1:{port}\nserver 127.0.0.1:{context.upstream}\nspeed-check-mode none\n"
        "response-mode fastest-response\ncache-size 32768\ncache-persist no\nserve-expired no\nprefetch-domain no\n"
        f"dualstack-ip-selection no\nlog-level error\nlog-file {own}/smartdns.log\nconf-file {path}\n{log}")
    return ["smartdns", "-f", "-c", own / "smartdns.conf", "-p", "-"]


PEERS = {
    "dnsdist-cdb": Peer(["dnsdist", "tinycdb"], "dnsdist, constant database", dnsdist_cdb, True),
    "dnsdist": Peer(["dnsdist"], "dnsdist, SuffixMatchNode", dnsdist_names, True),
    "unbound-rpz": Peer(["unbound"], "Unbound, RPZ", unbound_rpz, True),
    "unbound": Peer(["unbound"], "Unbound, local zones", unbound_zones, True),
    "bind": Peer(["bind9"], "BIND, RPZ", bind, True),
    "recursor": Peer(["pdns-recursor"], "PowerDNS Recursor, RPZ", recursor, True),
    "kresd": Peer(["knot-resolver"], "Knot Resolver, RPZ", kresd, False),
    "dnsmasq": Peer(["dnsmasq-base"], "dnsmasq, address lines", dnsmasq, True),
    "smartdns": Peer(["smartdns"], "smartdns, address lines", smartdns, True),
}


def start_peer(bench, name, upstream, rules, log=False, tls=None):
    """rules: names, or none. A server with no rules, or with its log, has a name of its own."""
    called = f"{name}{'' if rules else '-none'}{'-log' if log else ''}{'-dot' if tls else ''}"
    own = bench.work / called
    own.mkdir()
    port = process.free_port()
    context = Context(bench, upstream, rules, own / "queries.log" if log else None, tls)
    # Some answer before their rules are there.
    ready, address = (rules[-1], "0.0.0.0") if rules else ("ready.example.net", "192.0.2.1")
    return process.Server(bench, called, PEERS[name].configure(own, port, context), port, ready, address)


# --- an upstream over TLS

Tls = collections.namedtuple("Tls", "server port name ca")


def start_tls_upstream(bench):
    """dnsdist, which answers every question itself: it stands for a public resolver."""
    own = bench.work / "tls-upstream"
    own.mkdir()
    run = dict(cwd=own, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    new_key = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3"]
    subprocess.run([*new_key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=bench"], **run)
    subprocess.run([*new_key, "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=bench-server", "-CA", "ca.pem", "-CAkey",
                    "ca.key", "-addext", "subjectAltName=DNS:upstream.bench", "-addext", "basicConstraints=critical,CA:FALSE"], **run)
    port, plain = process.free_port(), process.free_port()
    (own / "dnsdist.conf").write_text(
        f'setLocal("127.0.0.1:{plain}")\nsetSecurityPollSuffix("")\nsetMaxTCPClientThreads(1)\n'
        f'addTLSLocal("127.0.0.1:{port}", "{own}/cert.pem", "{own}/key.pem", {{maxInFlight=1000}})\n'
        'addAction(AllRule(), SpoofAction({"192.0.2.1"}, {ttl=3600}))\n')
    server = process.Server(bench, "upstream-tls", ["dnsdist", "--supervised", "--disable-syslog", "-C", own / "dnsdist.conf"], plain)
    return Tls(server, port, "upstream.bench", own / "ca.pem")
