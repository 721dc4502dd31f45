-- ARGV: lanes. The last message that counts as sent for each was not.
for _, lane in ipairs(ARGV) do
  local sent = tonumber(redis.call('HGET', lanes, 'sent@' .. lane) or 0)
  if sent > 0 then redis.call('HSET', lanes, 'sent@' .. lane, sent - 1) end
end
