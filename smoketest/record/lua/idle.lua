-- ARGV: patience_ms, lanes. Answers those lanes where tests wait, nobody works and no message has been sent for that
-- long, or twice that after each message in vain; they count as sent for from now on.
local answer, busy = {}, busy_lanes()
for position = 2, #ARGV do
  local lane = ARGV[position]
  local since = silent_since(lane, busy)
  local patience = tonumber(ARGV[1]) * 2 ^ fact('sent@' .. lane)
  if since and now > math.max(since, fact('sent_at@' .. lane)) + patience then
    note('sent_at@' .. lane, now)
    note('sent@' .. lane, fact('sent@' .. lane) + 1)
    answer[#answer + 1] = lane
  end
end
return answer
