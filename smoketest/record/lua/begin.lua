-- ARGV: shard, lane, milliseconds that it is held, release, what the names of all deliveries of its message have in common.
-- Answers the run's `about`, whether there is anything to do for a shard of that release, and the other deliveries that own a
-- step still.
if not is_known then return {} end
local is_right = cjson.decode(facts.about).release == ARGV[4]
local answer = {facts.about, is_right and hold(ARGV[1], ARGV[2], ARGV[3]) or 0}
for _, shard in ipairs(redis.call('HKEYS', shards)) do
  if shard ~= ARGV[1] and string.find(shard, ARGV[5], 1, true) then answer[#answer + 1] = shard end
end
return answer
