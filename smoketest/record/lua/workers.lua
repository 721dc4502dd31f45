-- KEYS: the leases, what is known of each worker. ARGV: keep_ms. Tells who lives, and who did until `keep_ms` ago.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer = {}
local leases = redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now - ARGV[1]), '+inf', 'WITHSCORES')
for position = 1, #leases, 2 do
  local facts = redis.call('HGET', KEYS[2], leases[position])
  if facts then answer[#answer + 1] = {facts, string.format('%.0f', leases[position + 1] - now)} end
end
return answer
