-- cordon's policy in dnsdist (1.7 and later). In dnsdist.conf:
--
--   dofile('/usr/share/cordon/plugins/dnsdist/cordon-dnsdist.lua')
--   cordonPolicy{
--     lists = '/usr/share/cordon/blocklists', root = '/etc/dnsdist/cordon.root', state = '/var/lib/dnsdist/cordon',
--     use = {['huawei-cloud'] = 'enforce', ['alibaba-cloud'] = 'log'},
--   }
--
-- The root of the lists' publisher is a copy of its 1.root, with its signatures; `state` remembers what was accepted, so
-- that nothing older is (docs/trust.md). For lists of one's own, keys = {'a.pub', ...}, threshold = 2 in its place.
--
-- Questions for listed names are answered here and reach no backend. Answers of backends, and those of
-- dnsdist's own cache, are judged by their aliases, SVCB targets and addresses; one that is blocked becomes
-- an address that leads nowhere, or an empty answer, at the name that was asked.
--
-- What is not done here: an SOA in answers that were replaced on their way back (clients do not cache
-- them), and Extended DNS Errors (dnsdist 1.7 cannot write them); a redirect is a CNAME for the client to
-- follow, and an empty answer where the real one left no room for it. Each match is a line in dnsdist's log
-- (infolog).
local ffi = require('ffi')
local folder = debug.getinfo(1, 'S').source:match('^@(.*)/[^/]*$') or '.'
local cordon = dofile(folder .. '/../cordon.lua')

local TTL = 10 -- seconds, of answers made here: so long an exception takes to be seen
local REFUSED = 5
local A, AAAA = 1, 28
local TAG = 'cordon'

local function event(words, applied)
  infolog('cordon: ' .. (applied and '' or 'told only: ') .. words)
end

-- The octets of the address that asks, and how many.
local address, size = ffi.new('const void *[1]'), ffi.new('size_t[1]')
local function client_of(dq)
  ffi.C.dnsdist_ffi_dnsquestion_get_remoteaddr(dq, address, size)
  return ffi.cast('const uint8_t *', address[0]), size[0]
end

-- Which action is to be taken is a tag; the rules below take it.
local function on_question(policy)
  local qname, length = ffi.new('const char *[1]'), ffi.new('size_t[1]')
  return function(dq)
    ffi.C.dnsdist_ffi_dnsquestion_get_qname_raw(dq, qname, length)
    local client, octets = client_of(dq)
    local match = policy:name(ffi.cast('const uint8_t *', qname[0]), length[0], client, octets, event)
    if match == nil then return DNSAction.None end
    local action = policy:action(match)
    if action == 'redirect' then
      local asked, target = ffi.new('struct cordon_name'), ffi.new('struct cordon_name')
      ffi.copy(asked.octets, qname[0], length[0])
      asked.len = length[0]
      if policy.lib.cordon_match_redirect(policy.at, match, asked, target) == 0 then
        local words = policy.text
        local count = policy.lib.cordon_name_to_text(target, words)
        ffi.C.dnsdist_ffi_dnsquestion_set_result(dq, words, count)
        return DNSAction.Spoof
      end
      action = 'nodata'
    end
    ffi.C.dnsdist_ffi_dnsquestion_set_tag(dq, TAG, action)
    return DNSAction.None
  end
end

local function on_answer(policy)
  return function(dr)
    local octets = ffi.cast('uint8_t *', ffi.C.dnsdist_ffi_dnsquestion_get_header(dr))
    local length = ffi.C.dnsdist_ffi_dnsquestion_get_len(dr)
    local client, size = client_of(dr)
    local match = policy:message(octets, length, client, size, event)
    if match == nil then return DNSResponseAction.None end
    ffi.C.dnsdist_ffi_dnsquestion_set_skip_cache(dr, true) -- it may be another client's to have
    local action = policy:action(match)
    if action == 'drop' then return DNSResponseAction.Drop end
    if action == 'truncate' and ffi.C.dnsdist_ffi_dnsquestion_get_tcp(dr) then return DNSResponseAction.None end
    local cut = policy:answer(match, octets, length)
    if cut == nil then return DNSResponseAction.ServFail end
    ffi.C.dnsdist_ffi_dnsquestion_set_len(dr, cut)
    return DNSResponseAction.None
  end
end

function cordonPolicy(options)
  local policy = cordon.open(options)
  if policy.warnings ~= '' then warnlog('cordon: ' .. policy.warnings) end
  local soa = {'blocked.cordon.invalid.', 'hostmaster.cordon.invalid.', 1, 3600, 600, 86400, TTL}
  local function negative(nxdomain) return NegativeAndSOAAction(nxdomain, '.', TTL, unpack(soa)) end
  local function tagged(action, more)
    return more and AndRule({TagRule(TAG, action), more}) or TagRule(TAG, action)
  end
  addAction(AllRule(), LuaFFIAction(on_question(policy)))
  addAction(tagged('sinkhole', OrRule({QTypeRule(A), QTypeRule(AAAA)})), SpoofAction({'0.0.0.0', '::'}, {ttl = TTL}))
  addAction(tagged('sinkhole'), negative(false))
  addAction(tagged('nodata'), negative(false))
  addAction(tagged('nxdomain'), negative(true))
  addAction(tagged('refused'), RCodeAction(REFUSED))
  addAction(tagged('drop'), DropAction())
  addAction(tagged('truncate', TCPRule(false)), TCAction())
  addResponseAction(AllRule(), LuaFFIResponseAction(on_answer(policy)))
  addCacheHitResponseAction(AllRule(), LuaFFIResponseAction(on_answer(policy)))
end
