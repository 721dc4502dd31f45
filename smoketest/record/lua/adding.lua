-- Steps and units are written in parts that hold nobody up; `part` has how many steps are there already, the next ones,
-- and the units that end with them. Safe to repeat.
local function add(part)
  if redis.call('HLEN', steps) ~= part.offset then return end
  for position, step in ipairs(part.steps) do redis.call('HSET', steps, part.offset + position - 1, step) end
  for _, unit in ipairs(part.units) do
    local waiting = todo_of(unit.lane)
    if redis.call('RPUSH', waiting, unit.indices) == 1 then redis.call('EXPIRE', waiting, part.ttl_seconds) end
  end
  redis.call('EXPIRE', steps, part.ttl_seconds)
end
