-- Stands before each script: the keys of one run, the only clock, and what may be done to the facts.
local run, steps, todo, leases, own, results, order, done =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function fact(name)
  return tonumber(redis.call('HGET', run, name) or 0)
end

local function renew()
  local seconds = fact('ttl_seconds')
  for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, seconds) end
end

-- When what is recorded has happened: now, but for what the sweep finds out later.
local moment = now

local function end_run()
  redis.call('HSET', run, 'finished_at', moment)
  redis.call('RPUSH', done, '1')
end

-- The first result of a step wins; a later one changes nothing.
local function finish(index, outcome, is_timeout, result)
  if redis.call('HSETNX', results, index, result) == 0 then return end
  redis.call('RPUSH', order, index)
  redis.call('HINCRBY', run, outcome, 1)
  if is_timeout == '1' then redis.call('HINCRBY', run, 'timed_out', 1) end
  if redis.call('HINCRBY', run, 'left', -1) == 0 then end_run() end
end

local function give_up(index, cause, message)
  finish(index, 'errored', '0', cjson.encode({outcome = 'errored', cause = cause, message = message}))
end

local function give_up_waiting(cause, message)
  while true do
    local unit = redis.call('LPOP', todo)
    if not unit then return end
    for index in string.gmatch(unit, '%d+') do give_up(index, cause, message) end
  end
end

-- A shard is given up: the step it ran is nobody's any more, the rest of its unit waits again.
local function release(shard, cause, message)
  local unit = redis.call('HGET', own, shard)
  redis.call('HDEL', own, shard)
  redis.call('ZREM', leases, shard)
  if not unit then return end
  local index, rest = string.match(unit, '^(%d+)%s*(.*)$')
  if cause then give_up(index, cause, message) else rest = unit end
  if rest ~= '' then redis.call('LPUSH', todo, rest) end
end

-- What nobody will answer for any more gets its result here, whoever looks.
local function sweep()
  if fact('left') <= 0 then return end
  local expired = redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'WITHSCORES')
  for position = 1, #expired, 2 do
    local shard = expired[position]
    moment = math.max(fact('active_at'), tonumber(expired[position + 1]))
    release(shard, 'lost', 'nobody answered for it within its limit: its worker died or lost Redis')
  end
  if now > fact('deadline') then
    moment = fact('deadline')
    for _, shard in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
      release(shard, 'lost', 'nobody answered for it before the deadline of the run')
    end
    give_up_waiting('not_run', 'the deadline of the run passed before it could begin')
    -- Whatever else is without a result: somebody has lost a key of the run.
    for index = 0, fact('total') - 1 do give_up(tostring(index), 'lost', 'its place in the run was lost') end
  end
  local patience = fact('start_ms')
  if redis.call('ZCARD', leases) == 0 and now > fact('active_at') + patience then
    moment = fact('active_at') + patience
    give_up_waiting('lost', string.format('no worker took it within %g s', patience / 1000))
  end
  moment = now
end
