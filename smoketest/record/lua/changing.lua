-- Stands before each script that may change a run: what may be done to its facts.
local changed, is_written = {}, false
local ended = {}

-- Calls a command for a key with a list's values, some hundreds at once: Lua can't unpack many more. Answers the last answer.
local function call_with(command, key, values)
  local answer
  for first = 1, #values, 500 do
    answer = redis.call(command, key, unpack(values, first, math.min(first + 499, #values)))
  end
  return answer
end

local function note(name, value)
  facts[name], changed[name] = value, value
end

local function ttl_seconds()
  -- A run that goes on is not forgotten before its deadline, however short the time that one is kept afterwards.
  return facts.finished_at and fact('keep_seconds') or fact('ttl_seconds')
end

local function expire(key)
  redis.call('EXPIRE', key, ttl_seconds())
end

-- Each script that notes something ends with this.
local function save(is_renewed)
  if call_with('RPUSH', order, ended) == #ended and not is_renewed then
    expire(results)
    expire(order)
  end
  ended = {}
  local written = {}
  for name, value in pairs(changed) do
    written[#written + 1] = name
    written[#written + 1] = value
  end
  if #written > 0 then redis.call('HSET', run, unpack(written)) end
  is_written, changed = is_written or #written > 0, {}
end

-- A run on one lane, named '', is for any worker; one on every host has a lane of its own for each.
local function todo_of(lane)
  return lane == '' and todo or todo .. '@' .. lane
end

local function lane_names()
  local names = {}
  for name in string.gmatch(redis.call('HGET', lanes, 'names') or '', '[^ ]+') do names[#names + 1] = name end
  return #names > 0 and names or {''}
end

local function renew()
  note('renewed_at', now)
  save(true)
  for _, key in ipairs(facts.finished_at and {run, steps, results, order, done, baseline} or KEYS) do expire(key) end
  for _, lane in ipairs(facts.finished_at and {} or lane_names()) do expire(todo_of(lane)) end
end

-- Each step renews what is kept, but not more often than a hundred times in its lifetime.
local function renew_in_time()
  if now - fact('renewed_at') > ttl_seconds() * 10 then renew() end
end

-- When what is recorded has happened: now, but for what the sweep finds out later.
local moment = now

-- How many shards are at work on a lane.
local function busy(lane)
  return tonumber(redis.call('HGET', lanes, 'busy@' .. lane) or 0)
end

local function quiet_since(lane)
  return tonumber(redis.call('ZSCORE', quiet, lane) or nil)
end

-- A lane is quiet while tests wait there and nobody is at work; since when stands in a set of its own. A shard that has
-- come and has not taken a step yet only interrupts that: how long it was before is counted on.
local function look_at(lane)
  if busy(lane) > 0 or redis.call('LLEN', todo_of(lane)) == 0 then
    redis.call('ZREM', quiet, lane)
  elseif not quiet_since(lane) then
    local before = redis.call('HGET', lanes, 'quiet_ms@' .. lane) or 0
    redis.call('ZADD', quiet, string.format('%.0f', moment - before), lane)
    expire(quiet)
  end
end

-- What only a run that goes on needs goes.
local function end_run()
  note('finished_at', moment)
  redis.call('RPUSH', done, '1')
  for _, lane in ipairs(lane_names()) do redis.call('DEL', todo_of(lane)) end
  redis.call('DEL', quiet, shards, leases, lanes, owners)
  renew()
end

local function count(outcome, steps_ended)
  note(outcome, fact(outcome) + steps_ended)
  note('left', fact('left') - steps_ended)
  if fact('left') <= 0 then end_run() end
end

-- The first result of a step wins; a later one changes nothing. Tells whether it was the first.
local function finish(index, outcome, is_timeout, result)
  if facts.finished_at or redis.call('HSETNX', results, index, result) == 0 then return false end
  ended[#ended + 1] = index
  if is_timeout == '1' then note('timed_out', fact('timed_out') + 1) end
  count(outcome, 1)
  return true
end

-- The indices in a text, in parts of some hundreds: Redis serves nobody else meanwhile, and one by one takes ten times as long.
local function indices_in(text)
  local parts = {}
  for index in string.gmatch(text, '%d+') do
    if not parts[1] or #parts[#parts] == 250 then parts[#parts + 1] = {} end
    table.insert(parts[#parts], index)
  end
  return parts
end

-- Gives an errored result to those of the steps that have none.
local function give_up(text, cause, message)
  local result = cjson.encode({outcome = 'errored', cause = cause, message = message})
  for _, part in ipairs(facts.finished_at and {} or indices_in(text)) do
    local open, found = {}, redis.call('HMGET', results, unpack(part))
    for position, index in ipairs(part) do
      if not found[position] then
        ended[#ended + 1] = index
        open[#open + 1] = index
        open[#open + 1] = result
      end
    end
    if #open > 0 then
      redis.call('HSET', results, unpack(open))
      count('errored', #open / 2)
    end
  end
end

local function give_up_waiting(lane, cause, message)
  while true do
    local units = redis.call('LPOP', todo_of(lane), 250)
    if not units then break end
    give_up(table.concat(units, ' '), cause, message)
  end
  look_at(lane)
end

local function put_back(lane, unit)
  if unit ~= '' and redis.call('LPUSH', todo_of(lane), unit) == 1 then expire(todo_of(lane)) end
end

-- What a shard owns: on which lane, the indices of the steps that it may have begun, and those of the rest of a unit.
local function owned(shard)
  return string.match(redis.call('HGET', shards, shard) or '', '^([^|]*)|([^|]*)|(.*)$')
end

-- Until when stands in a set of its own, and its name in another, where those of a machine are found.
local function own(shard, lane, lease, begun, rest)
  local is_new = redis.call('HSET', shards, shard, lane .. '|' .. begun .. '|' .. rest) == 1
  redis.call('ZADD', leases, string.format('%.0f', lease), shard)
  if not is_new then return end
  redis.call('ZADD', owners, 0, shard)
  redis.call('HINCRBY', lanes, 'busy@' .. lane, 1)
  local since = begun == '' and quiet_since(lane)
  if since then redis.call('HSET', lanes, 'quiet_ms@' .. lane, string.format('%.0f', now - since)) end
  redis.call('ZREM', quiet, lane)
  for _, key in ipairs({shards, leases, owners, lanes}) do expire(key) end
end

local function disown(shard, lane)
  if redis.call('HDEL', shards, shard) == 1 then
    redis.call('ZREM', leases, shard)
    redis.call('ZREM', owners, shard)
    -- Below nothing only where Redis has lost the key, which would come back without an expiry.
    if redis.call('HINCRBY', lanes, 'busy@' .. lane, -1) < 0 then redis.call('DEL', lanes) end
  end
  look_at(lane)
end

-- A shard is given up: what it may have begun is never begun again, the rest of its unit waits. Which one of those that
-- it has taken together ran then, only the shard itself knew.
local function release(shard, cause, message)
  local lane, begun, rest = owned(shard)
  if not lane then return end
  local _, taken = string.gsub(begun, '%d+', '')
  if taken > 1 then
    message = string.format('%s; it was one of %d that were taken together, of which one ran then', message, taken)
  end
  give_up(begun, cause, message)
  put_back(lane, rest)
  disown(shard, lane)
end

-- Whatever is without a result, where Redis has lost a key of the run.
local function give_up_lost()
  local indices = {}
  for index = 0, fact('total') - 1 do indices[#indices + 1] = index end
  give_up(table.concat(indices, ' '), 'lost', 'Redis has lost its place in the run')
end

-- Where Redis' clock was put back nobody's time begins anew.
local TIMES = {'created_at', 'started_at', 'active_at', 'allowed_at', 'renewed_at', 'seen_at', 'deadline'}

local function follow_the_clock()
  local ahead = fact('seen_at') - now
  if ahead <= UNSEEN_MS then return end
  for _, name in ipairs(TIMES) do
    if facts[name] then note(name, fact(name) - ahead) end
  end
  for _, key in ipairs({leases, quiet}) do
    for _, member in ipairs(redis.call('ZRANGE', key, 0, -1)) do redis.call('ZINCRBY', key, -ahead, member) end
  end
end

-- When Redis is back, the time of all is over at once, and whoever looks first must not be quicker than those who have waited
-- to tell: shards have so much more, and how long tests wait for one counts anew. That there is none who looks often is no outage:
-- not again before somebody has taken a test, or has looked on after all this was over.
local RETURN_MS = 5000

local function allow_for_absence()
  local allowed_at = fact('allowed_at')
  local was_watched = fact('seen_at') - allowed_at > math.max(fact('start_ms'), RETURN_MS)
  local is_used_up = allowed_at > fact('active_at') and not was_watched
  if was_unseen() and not is_used_up then
    note('allowed_at', now)
    note('deadline', fact('deadline') + now - fact('seen_at'))
    for _, shard in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now + RETURN_MS)) do
      redis.call('ZADD', leases, now + RETURN_MS, shard)
    end
    local not_over = fact('seen_at') - fact('start_ms')
    for _, lane in ipairs(redis.call('ZRANGEBYSCORE', quiet, not_over, '+inf')) do redis.call('ZADD', quiet, now, lane) end
  end
  note_look()
end

-- What nobody will answer for any more gets its result here, whoever looks.
local function sweep()
  if fact('left') <= 0 then return end
  follow_the_clock()
  allow_for_absence()
  local over = overdue()
  for position = 1, #over, 2 do
    moment = math.max(fact('active_at'), tonumber(over[position + 1]))
    release(over[position], 'lost', 'nobody answered for it within its limit: its worker died or lost Redis')
  end
  if now > fact('deadline') then
    moment = fact('deadline')
    for _, shard in ipairs(redis.call('HKEYS', shards)) do
      release(shard, 'lost', 'nobody answered for it before the deadline of the run')
    end
    for _, lane in ipairs(lane_names()) do
      local is_untaken = (quiet_since(lane) or moment) < moment
      local meanwhile = is_untaken and 'while no worker took it' or 'before it could begin'
      give_up_waiting(lane, 'not_run', 'the deadline of the run passed ' .. meanwhile)
    end
    give_up_lost()
  end
  moment = now
end
