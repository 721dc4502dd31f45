-- Answers the facts of the run by name, the time, and the lanes that have waited in vain; nothing where there is none.
if not is_known then return {} end
sweep()
local silent = {}
for _, lane in ipairs(lanes()) do
  local since = silent_since(lane)
  if since and now > since + fact('start_ms') then silent[#silent + 1] = lane end
end
return {tostring(now), cjson.encode({lanes = silent}), redis.call('HGETALL', run)}
