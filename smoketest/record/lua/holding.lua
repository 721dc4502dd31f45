-- The shard has what it owns for so many milliseconds at least, before it takes its next step. Tells whether there is anything
-- to do for it: more messages may have been sent than shards are to work side by side.
local function hold(shard, lane, milliseconds)
  local _, begun, rest = owned(shard)
  local has_room = busy(lane) < fact('parallel') and redis.call('LLEN', todo_of(lane)) > 0
  if fact('left') <= 0 or not (begun or has_room) then return 0 end
  local lease = math.max(now + milliseconds, tonumber(redis.call('ZSCORE', leases, shard) or 0))
  own(shard, lane, lease, begun or '', rest or '')
  return 1
end
