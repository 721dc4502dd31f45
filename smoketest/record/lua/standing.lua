-- How the run stands, as one JSON object: the time, the lanes that have waited in vain, the facts, and whether this very
-- script has changed them.
local function standing()
  save()
  if is_written then flat = redis.call('HGETALL', run) end
  local silent = redis.call('ZRANGEBYSCORE', quiet, '-inf', '(' .. string.format('%.0f', now - fact('start_ms')))
  return cjson.encode({now = string.format('%.0f', now), silent = silent, facts = flat, is_news = is_written})
end
