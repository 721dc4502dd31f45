-- Stands before each script: the keys of one run, the only clock, and what is known of the run.
local run, quiet, shards, leases = unpack(KEYS)
local steps, todo, results, order, done, baseline, lanes, owners = unpack(KEYS, 5)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- The run's own hash is small whatever the number of its tests, lanes and shards, so it is read at once.
local facts, flat = {}, redis.call('HGETALL', run)
for position = 1, #flat, 2 do facts[flat[position]] = flat[position + 1] end
local is_known = #flat > 0

local function fact(name)
  return tonumber(facts[name] or 0)
end

-- The shards whose time is over, and until when each had it.
local function overdue()
  return redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'WITHSCORES')
end

-- Workers look each 2 s. When nobody has for so long, Redis was away most likely; or its clock was put back by so much.
local UNSEEN_MS = 3000

local function was_unseen()
  return math.abs(now - fact('seen_at')) > UNSEEN_MS
end

local function note_look()
  if now - fact('seen_at') > 1000 then redis.call('HSET', run, 'seen_at', now) end
end

-- A step stands in Redis as its limit in milliseconds and its JSON: matches that limit, and where the JSON begins. (To match the
-- rest as well would go through it byte by byte.)
local STEP = '^(%d+) ()'

