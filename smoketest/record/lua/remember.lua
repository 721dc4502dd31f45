-- KEYS: what the last two releases came to. ARGV: a release, when its run was created, its baseline, seconds.
local release, created_at, before = unpack(redis.call('HMGET', KEYS[1], 'release', 'created_at', 'baseline'))
if created_at and tonumber(created_at) > tonumber(ARGV[2]) then return end
if release and release ~= ARGV[1] then
  redis.call('HSET', KEYS[1], 'older_release', release, 'older_baseline', before)
end
redis.call('HSET', KEYS[1], 'release', ARGV[1], 'created_at', ARGV[2], 'baseline', ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
