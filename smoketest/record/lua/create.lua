-- ARGV: one JSON object, with the last part of the plan. Answers how the run stands. Safe to repeat: what exists stays.
if is_known then return standing(false) end
local given = cjson.decode(ARGV[1])
add(given.part)
for name, value in pairs(given.facts) do note(name, value) end
note('created_at', now)
note('active_at', now)
note('seen_at', now)
note('deadline', now + given.bound_ms)
note('left', fact('total'))
if given.baseline ~= '' then redis.call('SET', baseline, given.baseline) end
redis.call('HSET', lanes, 'names', given.lanes)
for _, lane in ipairs(lane_names()) do look_at(lane) end
for _, known in ipairs(given.known) do finish(known.index, known.outcome, '0', known.result) end
if fact('total') == 0 then end_run() end
note('renewed_at', now)
save()
for _, key in ipairs({run, lanes, given.baseline ~= '' and baseline or nil}) do expire(key) end
return standing(true)
