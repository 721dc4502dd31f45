-- KEYS: what is asked for. ARGV: a run, the run whose place it may take, seconds. Answers whose the place is now.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[2] then return holder end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return ARGV[1]
