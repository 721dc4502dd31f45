-- ARGV: one JSON object: shard, lane, turn, grace_ms, running (the step that runs now, or empty), most (how many steps the
-- shard wants to own); then of each step that ended: index, outcome, is_timeout and result, with blanks between.
-- Records what ended and hands out steps.
local asked = cjson.decode(ARGV[1])
if not is_known then return cjson.encode({left = 0}) end
local late = {}
for position = 2, #ARGV do
  local index, outcome, is_timeout, start = string.match(ARGV[position], '^(%d+) (%a+) (%d) ()')
  local result = string.sub(ARGV[position], start)
  -- The same result again is no late one: the answer to the first call was lost.
  local is_first = finish(index, outcome, is_timeout, result) or redis.call('HGET', results, index) == result
  if not is_first then late[#late + 1] = index end
end
return hand_out(asked, late)
