-- How the run stands, as one JSON object: the time, the lanes that have waited in vain and the facts.
local function standing()
  save()
  if is_written then flat = redis.call('HGETALL', run) end
  local silent = redis.call('ZRANGEBYSCORE', quiet, '-inf', '(' .. string.format('%.0f', now - fact('start_ms')))
  return cjson.encode({now = string.format('%.0f', now), silent = silent, facts = flat})
end
