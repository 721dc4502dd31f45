-- KEYS: the leases, what is known of each worker. ARGV: worker, its facts, lease_ms, keep_ms. Tells who lives, and who
-- did until `keep_ms` ago.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] ~= '' then
  redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
  redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[4])) do
  redis.call('ZREM', KEYS[1], gone)
  redis.call('HDEL', KEYS[2], gone)
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[3] + ARGV[4]) end
local answer = {}
local leases = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for position = 1, #leases, 2 do
  answer[#answer + 1] = {redis.call('HGET', KEYS[2], leases[position]), string.format('%.0f', leases[position + 1] - now)}
end
return answer
