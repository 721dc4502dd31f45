-- ARGV: one JSON object, as `step` has it, and hold_ms (so long the shard may wait for a process), release, delivery (what the
-- names of all deliveries of its message have in common).
-- Answers the run's `about`, whether there may be anything to do for a shard of that release, what is handed out to it as `step`
-- answers it, or nothing, and the other deliveries that own a step still: they come first.
if not is_known then return {} end
local asked = cjson.decode(ARGV[1])
local is_right = cjson.decode(facts.about).release == asked.release and asked.turn >= latest_turn(asked.shard)
local answer = {facts.about, 0, ''}
for _, shard in ipairs(redis.call('HKEYS', shards)) do
  if shard ~= asked.shard and string.find(shard, asked.delivery, 1, true) then answer[#answer + 1] = shard end
end
if is_right and asked.most > 0 and #answer == 3 then
  answer[2], answer[3] = 1, hand_out(asked, {})
elseif is_right then
  answer[2] = hold(asked.shard, asked.lane, asked.hold_ms)
end
return answer
