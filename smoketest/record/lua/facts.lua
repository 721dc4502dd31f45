-- Stands before each script: the keys of one run, the only clock, and what may be done to the facts.
local run, steps, todo, results, order, done, baseline = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The run's own hash is small whatever the number of its tests, so it is read at once.
local facts = {}
local flat = redis.call('HGETALL', run)
for position = 1, #flat, 2 do facts[flat[position]] = flat[position + 1] end
local is_known = #flat > 0

local function fact(name)
  return tonumber(facts[name] or 0)
end

local function note(name, value)
  facts[name] = value
  redis.call('HSET', run, name, value)
end

local function forget(name)
  facts[name] = nil
  redis.call('HDEL', run, name)
end

-- A run that goes on is not forgotten before its deadline, however short the time that one is kept afterwards.
local function ttl_seconds()
  return facts.finished_at and fact('keep_seconds') or fact('ttl_seconds')
end

local function expire(key)
  redis.call('EXPIRE', key, ttl_seconds())
end

local function renew()
  note('renewed_at', now)
  for _, key in ipairs(KEYS) do expire(key) end
end

-- Each step renews what is kept, but not more often than a hundred times in its lifetime.
local function renew_in_time()
  if now - fact('renewed_at') > ttl_seconds() * 10 then renew() end
end

-- A run on one lane, named '', is for any worker; one on every host has a lane of its own for each.
local function todo_of(lane)
  return lane == '' and todo or todo .. '@' .. lane
end

local function lanes()
  local names = {}
  for name in string.gmatch(facts.lanes or '', '[^ ]+') do names[#names + 1] = name end
  return #names > 0 and names or {''}
end

-- When what is recorded has happened: now, but for what the sweep finds out later.
local moment = now

local function end_run()
  note('finished_at', moment)
  redis.call('RPUSH', done, '1')
  renew()
end

-- The first result of a step wins; a later one changes nothing. Tells whether it was the first.
local function finish(index, outcome, is_timeout, result)
  if redis.call('HSETNX', results, index, result) == 0 then return false end
  if redis.call('RPUSH', order, index) == 1 then
    expire(results)
    expire(order)
  end
  note(outcome, fact(outcome) + 1)
  if is_timeout == '1' then note('timed_out', fact('timed_out') + 1) end
  note('left', fact('left') - 1)
  if fact('left') == 0 then end_run() end
  return true
end

local function give_up(index, cause, message)
  finish(index, 'errored', '0', cjson.encode({outcome = 'errored', cause = cause, message = message}))
end

local function give_up_waiting(lane, cause, message)
  while true do
    local unit = redis.call('LPOP', todo_of(lane))
    if not unit then return end
    for index in string.gmatch(unit, '%d+') do give_up(index, cause, message) end
  end
end

-- What a shard owns stands in a fact of its own: until when, on which lane, the indices of the steps that it may have
-- begun, and those of the rest of a unit.
local function owned(shard)
  local lease, lane, begun, rest = string.match(facts['shard:' .. shard] or '', '^(%d+) ([^|]*)|([^|]*)|(.*)$')
  return tonumber(lease), lane, begun, rest
end

local function shards()
  local names = {}
  for name in pairs(facts) do names[#names + 1] = string.match(name, '^shard:(.*)$') end
  return names
end

local function put_back(lane, unit)
  if unit ~= '' and redis.call('LPUSH', todo_of(lane), unit) == 1 then expire(todo_of(lane)) end
end

-- A shard is given up: what it may have begun is never begun again, the rest of its unit waits.
local function release(shard, cause, message)
  local _, lane, begun, rest = owned(shard)
  if not begun then return end
  forget('shard:' .. shard)
  for index in string.gmatch(begun, '%d+') do give_up(index, cause, message) end
  put_back(lane, rest)
end

-- What nobody will answer for any more gets its result here, whoever looks.
local function sweep()
  if fact('left') <= 0 then return end
  for _, shard in ipairs(shards()) do
    local lease = owned(shard)
    if lease <= now then
      moment = math.max(fact('active_at'), lease)
      release(shard, 'lost', 'nobody answered for it within its limit: its worker died or lost Redis')
    end
  end
  if now > fact('deadline') then
    moment = fact('deadline')
    for _, shard in ipairs(shards()) do release(shard, 'lost', 'nobody answered for it before the deadline of the run') end
    for _, lane in ipairs(lanes()) do
      give_up_waiting(lane, 'not_run', 'the deadline of the run passed before it could begin')
    end
    -- Whatever else is without a result: somebody has lost a key of the run.
    for index = 0, fact('total') - 1 do give_up(tostring(index), 'lost', 'its place in the run was lost') end
  end
  moment = now
end

-- The lanes where somebody is at work.
local function busy_lanes()
  local busy = {}
  for _, shard in ipairs(shards()) do
    local _, lane = owned(shard)
    busy[lane] = true
  end
  return busy
end

-- Since when a lane's tests wait and nobody is at work there; nothing where there are none or somebody is.
local function silent_since(lane, busy)
  if fact('left') <= 0 or busy[lane] or redis.call('LLEN', todo_of(lane)) == 0 then return nil end
  return fact('active_at@' .. lane)
end
