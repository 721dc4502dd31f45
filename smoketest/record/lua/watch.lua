-- KEYS: the runs that go on, who looks after them. ARGV: a worker, for how many milliseconds it is to do so unless another
-- does; 0: not any more. Tells whether it is the one, and all those runs.
local holder = redis.call('GET', KEYS[2])
local is_watching = ARGV[2] ~= '0' and (not holder or holder == ARGV[1])
if is_watching then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
if ARGV[2] == '0' and holder == ARGV[1] then redis.call('DEL', KEYS[2]) end
return {is_watching and 1 or 0, redis.call('ZRANGE', KEYS[1], 0, -1)}
