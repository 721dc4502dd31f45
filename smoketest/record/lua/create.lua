-- ARGV: one JSON object. Does nothing where the run exists, so it is safe to repeat.
if is_known then return 0 end
local given = cjson.decode(ARGV[1])
local total = #given.steps
redis.call('HSET', run, 'created_at', now, 'renewed_at', now, 'active_at', now, 'deadline', now + given.bound_ms,
  'start_ms', given.start_ms, 'ttl_seconds', given.ttl_seconds, 'total', total, 'left', total,
  'about', given.about, 'lanes', given.lanes)
facts.ttl_seconds, facts.left, facts.lanes = given.ttl_seconds, total, given.lanes
for position, step in ipairs(given.steps) do redis.call('HSET', steps, position - 1, step) end
for _, lane in ipairs(lanes()) do note('active_at@' .. lane, now) end
for _, unit in ipairs(given.units) do
  redis.call('RPUSH', todo_of(unit.lane), unit.indices)
  expire(todo_of(unit.lane))
end
for _, known in ipairs(given.known) do finish(known.index, known.outcome, '0', known.result) end
if total == 0 then end_run() end
renew()
return 1
