-- The steps from one index to another, and their results, as two JSON arrays; what is not there is null.
local function read(first, last)
  if last < first then return '[]', '[]' end
  local indices = {}
  for index = first, last do indices[#indices + 1] = index end
  local of_steps = redis.call('HMGET', steps, unpack(indices))
  local of_results = redis.call('HMGET', results, unpack(indices))
  for position = 1, #indices do
    local step = of_steps[position]
    of_steps[position] = step and string.sub(step, select(2, string.match(step, STEP))) or 'null'
    of_results[position] = of_results[position] or 'null'
  end
  return '[' .. table.concat(of_steps, ',') .. ']', '[' .. table.concat(of_results, ',') .. ']'
end
