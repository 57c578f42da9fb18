-- libcordon for LuaJIT: what dnsdist's and Knot Resolver's plug-ins share.
--
--   local cordon = dofile('/usr/share/cordon/plugins/cordon.lua')
--   local policy = cordon.open{lists = '/usr/share/cordon/blocklists', use = {['huawei-cloud'] = 'enforce'},
--                              root = '/etc/cordon/1.root', state = '/var/lib/kresd/cordon'}
--   -- or: keys = {'list-a.pub', ...}, threshold = 2 in place of root
--   local match = policy:name(octets, length)      -- nil, or what blocks
--   local match = policy:message(octets, length)
--   local length = policy:answer(match, octets, room)   -- writes the answer of the block over it
--
-- The declarations repeat include/cordon/*.h; the tests compare their sizes with the compiler's.
local ffi = require('ffi')

ffi.cdef[[
struct cordon_policy;
struct cordon_list_use { const char *id; int mode; int action; };
struct cordon_policy_options {
  size_t size; const char *list_directory; const struct cordon_list_use *lists; size_t list_count;
  const char *const *keys; size_t key_count; unsigned threshold; const char *cache_directory; uint64_t now_s;
  const char *root, *publisher, *state_directory; uint64_t dead_after_s;
};
struct cordon_name { uint8_t octets[255]; uint8_t len; };
struct cordon_match {
  uint32_t list; uint32_t rule[2];
  uint8_t trigger, hop, mode, action, labels, family; uint8_t address[16]; struct cordon_name name;
};
struct cordon_decision {
  size_t size; int blocked; uint32_t block; uint32_t count; int more; struct cordon_match matches[4];
};
struct cordon_list_info {
  size_t size;
  const char *id, *title, *provider, *provider_name, *parent_name, *legal_requirement, *status_class, *status_entity,
    *status_authority, *status_citation, *status_effective, *status_state, *status_checked;
  uint32_t serial, rules; uint64_t created_s, expires_s; int freshness, mode; uint32_t keys; uint64_t due_s;
};
int cordon_policy_open(const struct cordon_policy_options *, struct cordon_policy **, char *, size_t);
void cordon_policy_close(struct cordon_policy *);
size_t cordon_policy_lists(const struct cordon_policy *);
int cordon_policy_list(const struct cordon_policy *, size_t, struct cordon_list_info *);
int cordon_policy_freshness(const struct cordon_policy *, size_t, uint64_t);
const char *cordon_freshness_name(int);
int cordon_decide_name_for(const struct cordon_policy *, int, const uint8_t *, const uint8_t *, size_t,
                           struct cordon_decision *);
int cordon_decide_message_for(const struct cordon_policy *, int, const uint8_t *, const uint8_t *, size_t,
                              struct cordon_decision *);
size_t cordon_match_text(const struct cordon_policy *, const struct cordon_match *, char *, size_t);
size_t cordon_match_ede(const struct cordon_policy *, const struct cordon_match *, char *, size_t);
int cordon_match_redirect(const struct cordon_policy *, const struct cordon_match *, const struct cordon_name *,
                          struct cordon_name *);
size_t cordon_name_to_text(const struct cordon_name *, char *);
const char *cordon_action_name(int);
const char *cordon_trigger_name(int);
const char *cordon_strerror(int);
]]

local TTL = 10 -- seconds, of answers made here: so long an exception takes to be seen
local NXDOMAIN, REFUSED = 3, 5
local A, AAAA, CNAME = 1, 28, 5

local modes = {off = 0, log = 1, enforce = 2}
local M = {}
local Policy = {}
Policy.__index = Policy

-- library: the path of libcordon.so, if it is not where the system looks. root: of the publisher of the lists,
-- pinned; with it publisher (whose it must be), state (the folder that remembers what was accepted, so that nothing
-- older is) and dead_after (seconds). Without it keys, and threshold (2).
function M.open(options)
  local lib = ffi.load(options.library or 'libcordon.so.0.1')
  local use, ids = {}, {}
  for id, mode in pairs(options.use) do ids[#ids + 1] = id; use[id] = mode end
  table.sort(ids) -- so that the order of lists is the same each time
  if options.order then ids = options.order end
  local lists = ffi.new('struct cordon_list_use[?]', #ids)
  for i, id in ipairs(ids) do
    local mode = modes[use[id]]
    if not mode then error("cordon: the mode of " .. id .. " is enforce, log or off") end
    lists[i - 1].id = id
    lists[i - 1].mode = mode
  end
  if (options.root == nil) == (options.keys == nil) then error('cordon: name root, or keys') end
  local names = options.keys or {}
  local keys = ffi.new('const char *[?]', #names)
  for i, key in ipairs(names) do keys[i - 1] = key end
  local given = ffi.new('struct cordon_policy_options')
  given.size = ffi.sizeof(given)
  given.list_directory = options.lists
  given.lists = lists
  given.list_count = #ids
  if options.keys then
    given.keys = keys
    given.key_count = #names
  end
  given.threshold = options.threshold or options.keys and 2 or 0
  given.root = options.root
  given.publisher = options.publisher
  given.state_directory = options.state
  given.dead_after_s = options.dead_after or 0
  local out = ffi.new('struct cordon_policy *[1]')
  local message = ffi.new('char[4096]')
  local rc = lib.cordon_policy_open(given, out, message, 4096)
  if rc ~= 0 then
    local words = ffi.string(message)
    error('cordon: ' .. (words ~= '' and words or ffi.string(lib.cordon_strerror(rc))))
  end
  -- One decision per policy: each of the two programs runs its Lua one call at a time.
  local decision = ffi.new('struct cordon_decision')
  decision.size = ffi.sizeof(decision)
  return setmetatable({lib = lib, decision = decision, warnings = ffi.string(message),
                       at = ffi.gc(out[0], lib.cordon_policy_close), text = ffi.new('char[1100]')}, Policy)
end

-- How the oldest list stands in time, now: "fresh", "clock-untrusted", "stale" or "dead". All of them are in force.
local ranks = {[0] = 0, [2] = 1, [1] = 2, [3] = 3}

function Policy:freshness()
  local worst = 0
  for i = 0, tonumber(self.lib.cordon_policy_lists(self.at)) - 1 do
    local one = self.lib.cordon_policy_freshness(self.at, i, 0)
    if ranks[one] > ranks[worst] then worst = one end
  end
  return ffi.string(self.lib.cordon_freshness_name(worst))
end

-- options.event is called for each match: function(words, applied).
local function judge(self, rc, event)
  if rc ~= 0 then return nil end -- what cannot be read is left to the program
  local decision = self.decision
  if event then
    for i = 0, decision.count - 1 do
      event(self:words(decision.matches[i]), decision.blocked == 1 and i == decision.block)
    end
  end
  if decision.blocked == 0 then return nil end
  return decision.matches[decision.block]
end

-- client: the octets of the address that asks, and how many: 4, 16, or another number if it is not known.
local families = {[4] = 4, [16] = 6}

function Policy:name(octets, length, client, size, event)
  return judge(self, self.lib.cordon_decide_name_for(self.at, families[tonumber(size)] or 0, client, octets, length,
                                                     self.decision), event)
end

function Policy:message(octets, length, client, size, event)
  return judge(self, self.lib.cordon_decide_message_for(self.at, families[tonumber(size)] or 0, client, octets, length,
                                                        self.decision), event)
end

function Policy:action(match)
  return ffi.string(self.lib.cordon_action_name(match.action))
end

-- The record of a block that has one: type and data, or nil.
local function record(self, match, action, octets, length, qtype)
  if action == 'sinkhole' and qtype == A then return A, string.rep('\0', 4) end
  if action == 'sinkhole' and qtype == AAAA then return AAAA, string.rep('\0', 16) end
  if action == 'redirect' then
    local asked, target = ffi.new('struct cordon_name'), ffi.new('struct cordon_name')
    ffi.copy(asked.octets, octets + 12, length)
    asked.len = length
    if self.lib.cordon_match_redirect(self.at, match, asked, target) == 0 then
      return CNAME, ffi.string(target.octets, target.len)
    end
  end
end

-- Writes the answer of a block over a message that has the question, which room octets there are for: without
-- signatures, AD or EDNS; a CNAME is left to the client to follow. Returns its length, or nil if the
-- message is none.
function Policy:answer(match, octets, room)
  local at = 12
  while at < room and octets[at] ~= 0 do at = at + octets[at] + 1 end
  local length = at + 1 - 12 -- of the name
  at = at + 5                -- the root, type and class
  if at > room then return nil end
  local action = self:action(match)
  local rcode = action == 'nxdomain' and NXDOMAIN or action == 'refused' and REFUSED or 0
  local rtype, data = record(self, match, action, octets, length, octets[at - 4] * 256 + octets[at - 3])
  for i = 6, 11 do octets[i] = 0 end
  octets[2] = bit.bor(bit.band(octets[2], 0xf9), 0x80)  -- QR; opcode and RD stay, AA and TC are off
  octets[3] = bit.bor(bit.band(octets[3], 0x90), rcode) -- RA and CD stay, AD is off
  if action == 'truncate' then octets[2] = bit.bor(octets[2], 2) end
  if data and at + 12 + #data <= room then
    octets[7] = 1
    ffi.copy(octets + at, string.char(0xc0, 12, 0, rtype, 0, 1, 0, 0, 0, TTL, 0, #data) .. data, 12 + #data)
    at = at + 12 + #data
  end
  return at
end

-- "provider list serial", for an Extended DNS Error.
function Policy:ede(match)
  self.lib.cordon_match_ede(self.at, match, self.text, 61)
  return ffi.string(self.text)
end

-- One line for a log: who, by which rule of which list, on which legal basis.
function Policy:words(match)
  local info = ffi.new('struct cordon_list_info')
  info.size = ffi.sizeof(info)
  self.lib.cordon_match_text(self.at, match, self.text, 1100)
  local rule = ffi.string(self.text)
  self.lib.cordon_name_to_text(match.name, self.text)
  local name = ffi.string(self.text)
  if self.lib.cordon_policy_list(self.at, match.list, info) ~= 0 then return name .. ': ' .. rule end
  return string.format('%s: %s by "%s" (%s) of %s serial %d, %s: %s', name, self:action(match), rule,
    ffi.string(self.lib.cordon_trigger_name(match.trigger)), ffi.string(info.id), info.serial,
    ffi.string(info.status_class), ffi.string(info.status_entity))
end

return M
