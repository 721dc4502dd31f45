-- ARGV: patience_ms, lanes. Answers those lanes where tests wait, nobody works and no message has been sent for that
-- long, or twice that after each message in vain, each with how many shards may work there at once and how often messages
-- were sent in vain; they count as sent for from now on.
local answer = {}
for position = 2, #ARGV do
  local lane = ARGV[position]
  local since, sent = quiet_since(lane), tonumber(redis.call('HGET', lanes, 'sent@' .. lane) or 0)
  local sent_at = tonumber(redis.call('HGET', lanes, 'sent_at@' .. lane) or 0)
  if since and now > math.max(since, sent_at) + tonumber(ARGV[1]) * 2 ^ sent then
    redis.call('HSET', lanes, 'sent@' .. lane, sent + 1, 'sent_at@' .. lane, now)
    expire(lanes)
    answer[#answer + 1] = lane
    answer[#answer + 1] = math.min(fact('parallel'), redis.call('LLEN', todo_of(lane)))
    answer[#answer + 1] = sent
  end
end
return answer
