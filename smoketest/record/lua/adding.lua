-- Steps and units are written in parts that hold nobody up; `part` has how many steps are there already, the next ones,
-- and the units that end with them. Safe to repeat.
local function add(part)
  if redis.call('HLEN', steps) ~= part.offset then return end
  local numbered, waiting = {}, {}
  for position, step in ipairs(part.steps) do
    numbered[#numbered + 1] = part.offset + position - 1
    numbered[#numbered + 1] = step
  end
  for _, unit in ipairs(part.units) do
    local key = todo_of(unit.lane)
    waiting[key] = waiting[key] or {}
    table.insert(waiting[key], unit.indices)
  end
  call_with('HSET', steps, numbered)
  redis.call('EXPIRE', steps, part.ttl_seconds)
  for key, units in pairs(waiting) do
    call_with('RPUSH', key, units)
    redis.call('EXPIRE', key, part.ttl_seconds)
  end
end
