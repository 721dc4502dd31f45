-- ARGV: how many steps are there already, one JSON object with more. Before the run is created, in parts that hold nobody
-- up; safe to repeat.
if redis.call('HLEN', steps) ~= tonumber(ARGV[1]) then return end
local given = cjson.decode(ARGV[2])
for position, step in ipairs(given.steps) do redis.call('HSET', steps, ARGV[1] + position - 1, step) end
for _, unit in ipairs(given.units) do
  local waiting = todo_of(unit.lane)
  if redis.call('RPUSH', waiting, unit.indices) == 1 then redis.call('EXPIRE', waiting, given.ttl_seconds) end
end
redis.call('EXPIRE', steps, given.ttl_seconds)
