-- ARGV: one JSON object. Does nothing where the run exists, so it is safe to repeat.
if redis.call('EXISTS', run) == 1 then return 0 end
local given = cjson.decode(ARGV[1])
redis.call('HSET', run, 'created_at', now, 'active_at', now, 'deadline', now + given.bound_ms,
  'start_ms', given.start_ms, 'ttl_seconds', given.ttl_seconds, 'total', #given.steps, 'left', #given.steps,
  'about', given.about)
for position, step in ipairs(given.steps) do redis.call('HSET', steps, position - 1, step) end
for _, unit in ipairs(given.units) do redis.call('RPUSH', todo, unit) end
for _, known in ipairs(given.known) do finish(known.index, known.outcome, '0', known.result) end
if #given.steps == 0 then end_run() end
renew()
return #given.steps
