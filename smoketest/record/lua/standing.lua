-- How the run stands, as one JSON object: the time, the lanes that have waited in vain, the facts, whether this very script
-- has changed them, and of a finished run how many results are still there.
local function standing(is_news)
  if is_news then flat = redis.call('HGETALL', run) end
  local silent = redis.call('ZRANGEBYSCORE', quiet, '-inf', '(' .. string.format('%.0f', now - fact('start_ms')))
  local kept = facts.finished_at and math.min(redis.call('HLEN', steps), redis.call('HLEN', results)) or nil
  return cjson.encode({now = string.format('%.0f', now), silent = silent, facts = flat, is_news = is_news, kept = kept})
end

