-- ARGV: what the names of all deliveries of a message have in common. Answers the run's `about` and those deliveries
-- that own a step still.
if not is_known then return {} end
local answer = {facts.about}
for _, shard in ipairs(redis.call('HKEYS', shards)) do
  if string.find(shard, ARGV[1], 1, true) then answer[#answer + 1] = shard end
end
return answer
