-- ARGV: milliseconds, and `started`, `finished` or both. Answers which of them have happened and are told by nobody yet: to
-- the first who asks, and again to the first after so long if that one has not said that it is done.
local mine = {}
for position = 2, #ARGV do
  local event = ARGV[position]
  local is_free = not facts['told:' .. event] and now - fact('telling:' .. event) > tonumber(ARGV[1])
  if facts[event .. '_at'] and is_free then
    note('telling:' .. event, now)
    mine[#mine + 1] = event
  end
end
save()
return mine
