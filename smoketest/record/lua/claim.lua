-- KEYS: what is asked for, the recent starts, the recent runs, those that go on. ARGV: a run, the run whose place it may
-- take or `*` for any, seconds that the place is kept, how many may be started a minute, the time until which the run may
-- take a place, how many recent runs are kept, and how many of those that go on. Answers whose the place is, the
-- milliseconds until there is room again, the time, and whether the run came too late.
-- Without a run it only looks; with `-` the place is given up, and with `--` it is as if the run had never had it.
local run, instead_of, most = ARGV[1], ARGV[2], tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local minute = 60000

local holder = redis.call('GET', KEYS[1]) or ''
local function answer(full_ms, is_late) return {holder, full_ms, string.format('%.0f', now), is_late and 1 or 0} end

local is_taken = instead_of ~= '*' and holder ~= '' and holder ~= instead_of
if run == '-' or run == '--' then
  if holder == instead_of then redis.call('DEL', KEYS[1]) end
  for position = 2, run == '--' and 4 or 0 do redis.call('ZREM', KEYS[position], instead_of) end
  return answer(0)
end
if run ~= '' and (is_taken or holder == run) then return answer(0) end

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - minute)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '(' .. now, '+inf')  -- of before the clock was put back
if redis.call('ZCARD', KEYS[2]) >= most then
  local nth = redis.call('ZRANGE', KEYS[2], -most, -most, 'WITHSCORES')
  return answer(math.max(1, nth[2] + minute - now))
end
if run == '' then return answer(0) end
if now > tonumber(ARGV[5]) then return answer(0, true) end
redis.call('ZADD', KEYS[2], now, run)
redis.call('PEXPIRE', KEYS[2], minute)
redis.call('SET', KEYS[1], run, 'EX', ARGV[3])
for position = 3, 4 do
  redis.call('ZADD', KEYS[position], time[1] + time[2] / 1000000, run)
  redis.call('ZREMRANGEBYRANK', KEYS[position], 0, -ARGV[position + 3] - 1)
  redis.call('EXPIRE', KEYS[position], math.max(ARGV[3], redis.call('TTL', KEYS[position])))
end
holder = run
return answer(0)
