-- ARGV: shard, lane, milliseconds. The shard has what it owns for so long at least, before it takes its next step. Tells
-- whether there is anything to do for it: more messages may have been sent than shards are to work side by side.
local _, begun, rest = owned(ARGV[1])
local has_room = busy(ARGV[2]) < fact('parallel') and redis.call('LLEN', todo_of(ARGV[2])) > 0
if fact('left') <= 0 or not (begun or has_room) then return 0 end
local lease = math.max(now + ARGV[3], tonumber(redis.call('ZSCORE', leases, ARGV[1]) or 0))
own(ARGV[1], ARGV[2], lease, begun or '', rest or '')
return 1
