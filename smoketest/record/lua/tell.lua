-- ARGV: `started`, `finished` or both. Answers which of them have happened and are told by nobody yet: once each, to the
-- first who asks.
local mine = {}
for _, event in ipairs(ARGV) do
  if facts[event .. '_at'] and redis.call('HSETNX', run, 'told:' .. event, now) == 1 then mine[#mine + 1] = event end
end
return mine
