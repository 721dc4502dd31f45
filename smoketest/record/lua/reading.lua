-- So many bytes of results are read at once, and a few results more: Redis serves nobody else meanwhile.
local MOST_BYTES, FEW = 4 * 1024 * 1024, 25

-- The steps from one index to another, and their results, as two JSON arrays, and the index to go on from where that was too
-- much at once; what is not there is null.
local function read(first, last)
  local steps_read, results_read, bytes = {}, {}, 0
  while first <= last and bytes < MOST_BYTES do
    local indices = {}
    for index = first, math.min(first + FEW - 1, last) do indices[#indices + 1] = index end
    local of_steps = redis.call('HMGET', steps, unpack(indices))
    local of_results = redis.call('HMGET', results, unpack(indices))
    for position = 1, #indices do
      local step = of_steps[position]
      of_steps[position] = step and string.sub(step, select(2, string.match(step, STEP))) or 'null'
      of_results[position] = of_results[position] or 'null'
    end
    local part = table.concat(of_results, ',')
    steps_read[#steps_read + 1], results_read[#results_read + 1] = table.concat(of_steps, ','), part
    first, bytes = first + #indices, bytes + #part
  end
  return '[' .. table.concat(steps_read, ',') .. ']', '[' .. table.concat(results_read, ',') .. ']', first
end
