-- cordon's policy in Knot Resolver (5.x). In kresd.conf:
--
--   dofile('/usr/share/cordon/plugins/knot-resolver/cordon-kresd.lua')
--   cordon_policy{
--     lists = '/usr/share/cordon/blocklists', root = '/etc/knot-resolver/cordon.root',
--     state = '/var/lib/knot-resolver/cordon',
--     use = {['huawei-cloud'] = 'enforce', ['alibaba-cloud'] = 'log'},
--   }
--
-- The root of the lists' publisher is a copy of its 1.root, with its signatures; `state` remembers what was accepted, so
-- that nothing older is (docs/trust.md). For lists of one's own, keys = {'a.pub', ...}, threshold = 2 in its place.
--
-- A client's question for a listed name is answered here, and nobody is asked. Every answer to a client, from the
-- cache too, is judged by its aliases, targets of services and addresses as it leaves. What the resolver asks
-- for its own sake is not judged, since names that no list has would break.
--
-- What is not done here: an SOA in blocked answers (clients do not cache them), EDNS and Extended DNS Errors in
-- them; a redirect is a CNAME for the client to follow. Each match is a line in the log.
local ffi = require('ffi')
local folder = debug.getinfo(1, 'S').source:match('^@(.*)/[^/]*$') or '.'
local cordon = dofile(folder .. '/../cordon.lua')

local function event(words, applied)
  log_info(ffi.C.LOG_GRP_POLICY, 'cordon: ' .. (applied and '' or 'told only: ') .. words)
end

local function is_from_client(req)
  return req.qsource.addr ~= nil
end

-- The octets of the address that asks, and how many.
local function client_of(req)
  local addr = req.qsource.addr
  return ffi.cast('const uint8_t *', ffi.C.kr_inaddr(addr)), ffi.C.kr_inaddr_len(addr)
end

function cordon_policy(options)
  local engine = cordon.open(options)
  if engine.warnings ~= '' then log_warn(ffi.C.LOG_GRP_POLICY, 'cordon: ' .. engine.warnings) end

  -- Nothing leaves for a name that is blocked by itself: the answer is made below, as it goes out.
  policy.add(function(req, query)
    if not is_from_client(req) then return nil end
    local name = query:name()
    if engine:name(ffi.cast('const uint8_t *', name), #name, client_of(req)) == nil then return nil end
    return policy.REFUSE
  end)

  local layer = {finish = function(state, req)
    req = kres.request_t(req)
    local pkt = is_from_client(req) and req:ensure_answer() or nil
    if pkt == nil then return state end
    local client, size = client_of(req)
    local match = engine:message(pkt.wire, pkt.size, client, size, event)
    if match == nil then return state end
    local action = engine:action(match)
    if action == 'drop' then
      req.options.NO_ANSWER = true
      return kres.FAIL
    end
    if action == 'truncate' and req.qsource.flags.tcp then return state end
    local length = engine:answer(match, pkt.wire, pkt.max_size)
    if length ~= nil then pkt.size = length end
    return state
  end}
  package.preload['kres_modules.cordon'] = function() return {layer = layer} end
  modules.load('cordon')
end
