-- KEYS: the leases. ARGV: workers. Tells which of them live.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer = {}
for _, worker in ipairs(ARGV) do
  local lease = redis.call('ZSCORE', KEYS[1], worker)
  if lease and tonumber(lease) > now then answer[#answer + 1] = worker end
end
return answer
