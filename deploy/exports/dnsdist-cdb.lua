-- cordon's lists in dnsdist (1.7 and later), from a constant database that `cordon list export --format cdb`
-- wrote. In dnsdist.conf, before rules that answer:
--
--   dofile('/usr/share/cordon/exports/dnsdist-cdb.lua')
--   cordonDatabase{file = '/var/lib/dnsdist/cordon.cdb', refresh = 60}
--
-- A question for a listed name is answered here and reaches no backend; names that only are recorded are
-- told in dnsdist's log (infolog), as blocked ones are, with list, serial and legal status. The file is looked at
-- anew every `refresh` seconds, so an export over it is a reload.
--
-- Only the name that is asked is looked at: not where its answer leads, nor addresses. dnsdist 1.7 has no
-- Extended DNS Errors. deploy/plugins has a plug-in that looks at answers.
local FOUND, ACTION = 'cordon-found', 'cordon-action'
local A, AAAA = 1, 28
local REFUSED = 5

-- LABELS AT BELOW BASIS-AT|BASIS-BELOW: see resolver/export/cdb.c.
local function on_question(dq)
  local labels, at, below, basis_at, basis_below =
    dq:getTag(FOUND):match('^(%d+) (%S+) (%S+) ([^|]*)|(.*)$')
  if labels == nil then
    errlog('cordon: the database is not one of `cordon list export`')
    return DNSAction.None
  end
  local here = dq.qname:countLabels() == tonumber(labels)
  local action, basis = here and at or below, here and basis_at or basis_below
  if action == 'none' or action == 'pass' then return DNSAction.None end
  local name = dq.qname:toString()
  infolog('cordon: ' .. name .. ': ' .. action .. ' by ' .. basis)
  if action == 'log' then return DNSAction.None end
  local prefixes, target = action:match('^redirect:(%*?)%.?(.+)$')
  if target ~= nil then
    return DNSAction.Spoof, prefixes == '*' and name .. target .. '.' or target .. '.'
  end
  dq:setTag(ACTION, action)
  return DNSAction.None
end

function cordonDatabase(options)
  local ttl = options.ttl or 10 -- seconds, of answers made here
  local soa = {'blocked.cordon.invalid.', 'hostmaster.cordon.invalid.', 1, 3600, 600, 86400, ttl}
  local function negative(nxdomain) return NegativeAndSOAAction(nxdomain, '.', ttl, unpack(soa)) end
  local function tagged(action, more)
    return more and AndRule({TagRule(ACTION, action), more}) or TagRule(ACTION, action)
  end
  local store = newCDBKVStore(options.file, options.refresh or 60)
  addAction(AllRule(), KeyValueStoreLookupAction(store, KeyValueLookupKeySuffix(0, true), FOUND))
  -- A tag that holds nothing is one, too: no value was found.
  addAction(NotRule(OrRule({TagRule(FOUND, ''), NotRule(TagRule(FOUND))})), LuaAction(on_question))
  addAction(tagged('sinkhole', OrRule({QTypeRule(A), QTypeRule(AAAA)})), SpoofAction({'0.0.0.0', '::'}, {ttl = ttl}))
  addAction(tagged('sinkhole'), negative(false))
  addAction(tagged('nodata'), negative(false))
  addAction(tagged('nxdomain'), negative(true))
  addAction(tagged('refused'), RCodeAction(REFUSED))
  addAction(tagged('drop'), DropAction())
  addAction(tagged('truncate', TCPRule(false)), TCAction())
end
