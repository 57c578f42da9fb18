"""cordon's policy in Unbound, as a script of its Python module.

unbound.conf:
    server:
        module-config: "python validator iterator"      # python first
        chroot: ""
    python:
        python-script: "/usr/share/cordon/plugins/unbound/cordon_unbound.py"

/etc/unbound/cordon.json (or the file that $CORDON_UNBOUND names):
    {"lists": "/usr/share/cordon/blocklists", "root": "/etc/unbound/cordon.root", "state": "/var/lib/unbound/cordon",
     "use": {"huawei-cloud": "enforce", "alibaba-cloud": "log"}}
The root of the lists' publisher is a copy of its 1.root, with its signatures; `state` remembers what was accepted, so
that nothing older is (docs/trust.md). For lists of one's own, "keys": ["a.pub", ...] and "threshold": 2 in its place.

A client's question for a listed name is answered here, and nobody is asked. An answer is judged by its aliases,
targets of services, and addresses. What Unbound asks for its own sake (addresses of name servers) is never blocked,
since names that no list has would break, but such an answer is not kept for clients either. Rules
about clients do not count, since what is kept is for all of them.

What is not done here: `drop` and `truncate` become REFUSED; no Extended DNS Errors; a change of the lists needs a
restart of Unbound. Lists in mode log, and what is blocked, are lines in Unbound's log.
"""
# Names of Unbound's module (MODULE_EVENT_NEW, DNSMessage, log_info ...) are given by the program.
import ctypes
import json
import os
import struct

TTL = 10  # seconds, of answers made here: so long an exception takes to be seen
A, AAAA = 1, 28
MODES = {"off": 0, "log": 1, "enforce": 2}


class Name(ctypes.Structure):
    _fields_ = [("octets", ctypes.c_uint8 * 255), ("len", ctypes.c_uint8)]


class Match(ctypes.Structure):
    _fields_ = [("list", ctypes.c_uint32), ("rule", ctypes.c_uint32 * 2), ("trigger", ctypes.c_uint8),
                ("hop", ctypes.c_uint8), ("mode", ctypes.c_uint8), ("action", ctypes.c_uint8),
                ("labels", ctypes.c_uint8), ("family", ctypes.c_uint8), ("address", ctypes.c_uint8 * 16),
                ("name", Name)]


class Decision(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("blocked", ctypes.c_int), ("block", ctypes.c_uint32),
                ("count", ctypes.c_uint32), ("more", ctypes.c_int), ("matches", Match * 4)]


class Use(ctypes.Structure):
    _fields_ = [("id", ctypes.c_char_p), ("mode", ctypes.c_int), ("action", ctypes.c_int)]


class Options(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("list_directory", ctypes.c_char_p), ("lists", ctypes.POINTER(Use)),
                ("list_count", ctypes.c_size_t), ("keys", ctypes.POINTER(ctypes.c_char_p)),
                ("key_count", ctypes.c_size_t), ("threshold", ctypes.c_uint), ("cache_directory", ctypes.c_char_p),
                ("now_s", ctypes.c_uint64), ("root", ctypes.c_char_p), ("publisher", ctypes.c_char_p),
                ("state_directory", ctypes.c_char_p), ("dead_after_s", ctypes.c_uint64)]


class Info(ctypes.Structure):
    _fields_ = ([("size", ctypes.c_size_t)] +
                [(name, ctypes.c_char_p) for name in (
                    "id", "title", "provider", "provider_name", "parent_name", "legal_requirement", "status_class",
                    "status_entity", "status_authority", "status_citation", "status_effective", "status_state",
                    "status_checked")] +
                [("serial", ctypes.c_uint32), ("rules", ctypes.c_uint32), ("created_s", ctypes.c_uint64),
                 ("expires_s", ctypes.c_uint64), ("freshness", ctypes.c_int), ("mode", ctypes.c_int),
                 ("keys", ctypes.c_uint32), ("due_s", ctypes.c_uint64)])


def text_of(options, name):
    return options[name].encode() if options.get(name) is not None else None


class Policy:
    """The lists of a configuration. Decisions of several threads are kept apart by Unbound's lock on Python."""

    def __init__(self, options):
        self.lib = ctypes.CDLL(options.get("library", "libcordon.so.0.1"))
        self.lib.cordon_strerror.restype = ctypes.c_char_p
        self.lib.cordon_freshness_name.restype = ctypes.c_char_p
        self.lib.cordon_policy_lists.restype = ctypes.c_size_t
        self.lib.cordon_action_name.restype = ctypes.c_char_p
        self.lib.cordon_trigger_name.restype = ctypes.c_char_p
        self.lib.cordon_match_text.restype = ctypes.c_size_t
        self.lib.cordon_name_to_text.restype = ctypes.c_size_t
        uses = (Use * len(options["use"]))(*[Use(name.encode(), MODES[mode], 0)
                                             for name, mode in options["use"].items()])
        if ("root" in options) == ("keys" in options):
            raise ValueError("name root, or keys")
        names = options.get("keys")
        keys = (ctypes.c_char_p * len(names))(*[key.encode() for key in names]) if names is not None else None
        given = Options(ctypes.sizeof(Options), options["lists"].encode(), uses, len(uses), keys, len(names or ()),
                        options.get("threshold", 0 if names is None else 2), None, 0, text_of(options, "root"),
                        text_of(options, "publisher"), text_of(options, "state"), options.get("dead_after", 0))
        message = ctypes.create_string_buffer(4096)
        self.at = ctypes.c_void_p()
        code = self.lib.cordon_policy_open(ctypes.byref(given), ctypes.byref(self.at), message, len(message))
        self.warnings = message.value.decode("utf-8", "replace")
        if code != 0:
            raise RuntimeError(self.warnings or self.lib.cordon_strerror(code).decode())
        self.decision = Decision(ctypes.sizeof(Decision))
        self.text = ctypes.create_string_buffer(1100)

    def close(self):
        self.lib.cordon_policy_close(self.at)

    def freshness(self):
        """How the oldest list stands in time, now: "fresh", "clock-untrusted", "stale" or "dead"."""
        ranks = {0: 0, 2: 1, 1: 2, 3: 3}
        all_of_them = [self.lib.cordon_policy_freshness(self.at, ctypes.c_size_t(index), ctypes.c_uint64(0))
                       for index in range(self.lib.cordon_policy_lists(self.at))]
        return self.lib.cordon_freshness_name(max(all_of_them, key=ranks.get, default=0)).decode()

    def _judge(self, code, told):
        if code != 0:  # what cannot be read is left to Unbound
            return None
        for index in range(self.decision.count):
            match = self.decision.matches[index]
            applied = bool(self.decision.blocked) and index == self.decision.block
            told(("" if applied else "told only: ") + self.words(match))
        return self.decision.matches[self.decision.block] if self.decision.blocked else None

    def name(self, octets, told):
        return self._judge(self.lib.cordon_decide_name(self.at, octets, ctypes.c_size_t(len(octets)),
                                                       ctypes.byref(self.decision)), told)

    def message(self, octets, told):
        return self._judge(self.lib.cordon_decide_message(self.at, octets, ctypes.c_size_t(len(octets)),
                                                          ctypes.byref(self.decision)), told)

    def action(self, match):
        return self.lib.cordon_action_name(match.action).decode()

    def redirect(self, match, octets):
        asked, target = Name(len=len(octets)), Name()
        ctypes.memmove(asked.octets, octets, len(octets))
        if self.lib.cordon_match_redirect(self.at, ctypes.byref(match), ctypes.byref(asked),
                                          ctypes.byref(target)) != 0:
            return None
        self.lib.cordon_name_to_text(ctypes.byref(target), self.text)
        return self.text.value.decode() + "."

    def words(self, match):
        """One line for a log: who, by which rule of which list, on which legal basis."""
        info = Info(ctypes.sizeof(Info))
        self.lib.cordon_match_text(self.at, ctypes.byref(match), self.text, ctypes.c_size_t(len(self.text)))
        rule = self.text.value.decode()
        self.lib.cordon_name_to_text(ctypes.byref(match.name), self.text)
        name = self.text.value.decode()
        self.lib.cordon_policy_list(self.at, ctypes.c_size_t(match.list), ctypes.byref(info))
        return '%s: %s by "%s" (%s) of %s serial %d, %s: %s' % (
            name, self.action(match), rule, self.lib.cordon_trigger_name(match.trigger).decode(), info.id.decode(),
            info.serial, info.status_class.decode(), info.status_entity.decode("utf-8", "replace"))


def told(words):
    log_info("cordon: " + words.replace("%", "%%"))


def nobody(words):
    del words


def init(id, cfg):  # the names are Unbound's
    del id, cfg
    global policy
    path = os.environ.get("CORDON_UNBOUND", "/etc/unbound/cordon.json")
    try:
        with open(path, encoding="utf-8") as file:
            policy = Policy(json.load(file))
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        log_err("cordon: %s: %s" % (path, str(error).replace("%", "%%")))
        return False
    if policy.warnings:
        log_warn("cordon: " + policy.warnings.replace("%", "%%"))
    return True


def deinit(id):
    del id
    policy.close()
    return True


def inform_super(id, qstate, superqstate, qdata):
    del id, qstate, superqstate, qdata
    return True


def is_asked_by_a_client(qstate):
    return qstate.mesh_info is not None and qstate.mesh_info.reply_list is not None


def message_of(qstate):
    """The reply in wire format, as far as policy looks at it: answer and additional section."""
    rep = qstate.return_msg.rep
    question = bytes(qstate.qinfo.qname) + struct.pack("!HH", qstate.qinfo.qtype, qstate.qinfo.qclass)
    counts, records = [0, 0, 0], []
    first_additional = rep.an_numrrsets + rep.ns_numrrsets
    for index in range(rep.rrset_count):
        if rep.an_numrrsets <= index < first_additional:
            continue
        rrset = rep.rrsets[index]
        head = (bytes(rrset.rk.dname) + struct.pack("!HH", socket_ntohs(rrset.rk.type),
                                                    socket_ntohs(rrset.rk.rrset_class)) + struct.pack("!I", 0))
        data = rrset.entry.data
        for number in range(data.count):
            records.append(head + bytes(data.rr_data[number]))
            counts[0 if index < rep.an_numrrsets else 2] += 1
    return struct.pack("!6H", 0, 0x8180, 1, *counts) + question + b"".join(records)


def socket_ntohs(number):
    return struct.unpack("!H", struct.pack("=H", number))[0]


def answer(qstate, match):
    """Puts the answer of a block in the place of whatever there was."""
    qinfo = qstate.qinfo
    action = policy.action(match)
    name = qinfo.qname_str
    rcode = {"nxdomain": RCODE_NXDOMAIN, "refused": RCODE_REFUSED, "drop": RCODE_REFUSED,
             "truncate": RCODE_REFUSED}.get(action, RCODE_NOERROR)
    invalidateQueryInCache(qstate, qinfo)
    qstate.no_cache_store = 1
    if rcode == RCODE_REFUSED:
        qstate.return_rcode = RCODE_REFUSED
        return True
    message = DNSMessage(name, qinfo.qtype, RR_CLASS_IN, PKT_QR | PKT_RA | rcode)
    target = policy.redirect(match, bytes(qinfo.qname)) if action == "redirect" else None
    if action == "sinkhole" and qinfo.qtype in (A, AAAA):
        message.answer.append("%s %d IN %s" % (name, TTL, "A 0.0.0.0" if qinfo.qtype == A else "AAAA ::"))
    elif target is not None:
        message.answer.append("%s %d IN CNAME %s" % (name, TTL, target))
    else:
        message.authority.append("%s %d IN SOA blocked.cordon.invalid. hostmaster.cordon.invalid. 1 3600 600 86400 %d"
                                 % (name, TTL, TTL))
    if not message.set_return_msg(qstate):
        return False
    qstate.return_msg.rep.security = 2  # sec_status_indeterminate: not validated, and not bogus
    qstate.return_rcode = rcode
    return True


def finish(id, qstate, done):
    qstate.ext_state[id] = MODULE_FINISHED if done else MODULE_ERROR
    return True


def operate(id, event, qstate, qdata):
    del qdata
    if event in (MODULE_EVENT_NEW, MODULE_EVENT_PASS):
        client = is_asked_by_a_client(qstate)
        match = policy.name(bytes(qstate.qinfo.qname), told if client else nobody)
        if match is not None and client:
            return finish(id, qstate, answer(qstate, match))
        if match is not None:
            qstate.no_cache_store = 1
        qstate.ext_state[id] = MODULE_WAIT_MODULE
        return True
    if event == MODULE_EVENT_MODDONE:
        if qstate.return_msg is not None and qstate.return_msg.rep is not None:
            client = is_asked_by_a_client(qstate)
            match = policy.message(message_of(qstate), told if client else nobody)
            if match is not None and client:
                return finish(id, qstate, answer(qstate, match))
            if match is not None:
                invalidateQueryInCache(qstate, qstate.qinfo)
        return finish(id, qstate, True)
    log_err("cordon: an event that is not known")
    return finish(id, qstate, False)
