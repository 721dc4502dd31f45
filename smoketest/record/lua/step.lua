-- ARGV: shard, lane, grace_ms, is_stopping, then of the step that ended (or all empty): index, outcome, is_timeout,
-- result. Records the step that ended and hands out the next. Safe to repeat: the same call answers the same step.
local shard, lane, grace_ms, is_stopping, index = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
if not is_known then return {'end', 0, 1} end
local is_first = index == '' or finish(index, ARGV[6], ARGV[7], ARGV[8])
sweep()

local _, _, unit = owned(shard)
unit = unit or redis.call('LPOP', todo_of(lane)) or ''
while unit ~= '' and redis.call('HEXISTS', results, string.match(unit, '^%d+')) == 1 do
  unit = string.match(unit, '^%d+%s*(.*)$')
  if unit == '' then unit = redis.call('LPOP', todo_of(lane)) or '' end
end
if unit == '' or is_stopping == '1' then
  put_back(lane, unit)
  forget('shard:' .. shard)
  renew_in_time()
  return {'end', redis.call('LLEN', todo_of(lane)), is_first and 1 or 0}
end

local next_index = string.match(unit, '^%d+')
local step = redis.call('HGET', steps, next_index)
local limit_ms = tonumber(string.match(step, '^%d+'))
note('shard:' .. shard, string.format('%.0f %s|%s', now + limit_ms + grace_ms, lane, unit))
note('active_at', now)
note('active_at@' .. lane, now)
if facts['sent@' .. lane] then forget('sent@' .. lane) end
if not facts.started_at then note('started_at', now) end
renew_in_time()
return {'run', next_index, step, now - fact('created_at'), is_first and 1 or 0}
