-- ARGV: one JSON object, as `step` has it, and hold_ms (so long the shard may wait for a process), release, delivery (what the
-- names of all deliveries of its message have in common).
-- Answers the run's `about`, whether there is anything to do for a shard of that release, the steps that are handed out to it, as
-- `step` answers them, or nothing, and the other deliveries that own a step still: they come first.
if not is_known then return {} end
local asked = cjson.decode(ARGV[1])
local is_right = cjson.decode(facts.about).release == asked.release and asked.turn >= latest_turn(asked.shard)
local has_work = is_right and hold(asked.shard, asked.lane, asked.hold_ms) or 0
local answer = {facts.about, has_work, ''}
for _, shard in ipairs(redis.call('HKEYS', shards)) do
  if shard ~= asked.shard and string.find(shard, asked.delivery, 1, true) then answer[#answer + 1] = shard end
end
if has_work == 1 and asked.most > 0 and #answer == 3 then answer[3] = hand_out(asked, {}) end
return answer
