-- ARGV: one JSON object, with the last part of the plan, and what the run is compared with or nothing. Answers how the run stands. Safe to repeat: what exists stays.
if is_known then return standing(false) end
local given = cjson.decode(ARGV[1])
add(given.part)
for name, value in pairs(given.facts) do note(name, value) end
note('created_at', now)
note('active_at', now)
note('seen_at', now)
note('deadline', now + given.bound_ms)
note('left', fact('total'))
local is_compared = ARGV[2] ~= ''
if is_compared then redis.call('SET', baseline, ARGV[2]) end
redis.call('HSET', lanes, 'names', given.lanes)
for _, lane in ipairs(lane_names()) do look_at(lane) end
for _, known in ipairs(given.known) do finish(known.index, known.outcome, '0', known.result) end
if fact('total') == 0 then end_run() end
note('renewed_at', now)
save()
for _, key in ipairs({run, lanes, is_compared and baseline or nil}) do expire(key) end
return standing(true)
