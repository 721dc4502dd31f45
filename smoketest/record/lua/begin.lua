-- ARGV: shard, the beginning of the names of earlier deliveries of its message. Answers the run's `about` and those
-- deliveries that own a step still.
if not is_known then return {} end
local answer = {facts.about}
for _, shard in ipairs(shards()) do
  if shard ~= ARGV[1] and string.sub(shard, 1, #ARGV[2]) == ARGV[2] then answer[#answer + 1] = shard end
end
return answer
