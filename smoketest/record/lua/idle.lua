-- ARGV: patience_ms, lanes. Answers those lanes where tests wait, nobody works and no message has been sent for that
-- long; they count as sent for from now on.
local answer = {}
for position = 2, #ARGV do
  local lane = ARGV[position]
  local since = silent_since(lane)
  if since and now > math.max(since, fact('sent_at@' .. lane)) + tonumber(ARGV[1]) then
    note('sent_at@' .. lane, now)
    answer[#answer + 1] = lane
  end
end
return answer
