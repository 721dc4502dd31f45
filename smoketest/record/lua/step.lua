-- ARGV: shard, grace_ms, is_stopping, then of the step that ended (or all empty): index, outcome, is_timeout, result.
-- Records the step that ended and hands out the next. Safe to repeat: the same call answers the same step.
local shard, grace_ms, is_stopping, index = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
if redis.call('EXISTS', run) == 0 then return {'gone'} end
if index ~= '' then finish(index, ARGV[5], ARGV[6], ARGV[7]) end
sweep()

local unit = redis.call('HGET', own, shard) or redis.call('LPOP', todo) or ''
while unit ~= '' and redis.call('HEXISTS', results, string.match(unit, '^%d+')) == 1 do
  unit = string.match(unit, '^%d+%s*(.*)$')
  if unit == '' then unit = redis.call('LPOP', todo) or '' end
end
if unit == '' or is_stopping == '1' then
  if unit ~= '' then redis.call('LPUSH', todo, unit) end
  redis.call('HDEL', own, shard)
  redis.call('ZREM', leases, shard)
  renew()
  return {'end'}
end

local next_index = string.match(unit, '^%d+')
local step = redis.call('HGET', steps, next_index)
redis.call('HSET', own, shard, unit)
redis.call('ZADD', leases, math.floor(now + cjson.decode(step).timeout_seconds * 1000 + grace_ms), shard)
redis.call('HSET', run, 'active_at', now)
redis.call('HSETNX', run, 'started_at', now)
renew()
return {'run', next_index, step, now - fact('created_at')}
