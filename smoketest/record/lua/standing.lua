-- How the run stands, as one JSON object: the time, the lanes that have waited in vain and the facts.
local function standing()
  local silent, busy = {}, busy_lanes()
  for _, lane in ipairs(lanes()) do
    local since = silent_since(lane, busy)
    if since and now > since + fact('start_ms') then silent[#silent + 1] = lane end
  end
  return cjson.encode({now = string.format('%.0f', now), silent = silent, facts = redis.call('HGETALL', run)})
end
