-- ARGV: one JSON object: shard, lane, grace_ms, ended (of each step that ended: index, outcome, is_timeout, result),
-- running (the step that runs now, or empty), most (how many steps the shard wants to own).
-- Records what ended and hands out steps. Safe to repeat: the same call answers the same steps.
local asked = cjson.decode(ARGV[1])
local shard, lane = asked.shard, asked.lane
if not is_known then return cjson.encode({left = 0}) end
local late = {}
for _, each in ipairs(asked.ended) do
  -- The same result again is no late one: the answer to the first call was lost.
  local is_first = finish(each[1], each[2], each[3], each[4]) or redis.call('HGET', results, each[1]) == each[4]
  if not is_first then late[#late + 1] = each[1] end
end
sweep()

local function is_open(index)
  return redis.call('HEXISTS', results, index) == 0
end

local function open_ones(indices)
  local open = {}
  for index in string.gmatch(indices or '', '%d+') do
    if is_open(index) then open[#open + 1] = index end
  end
  return open
end

local _, begun, rest = owned(shard)
-- More messages may have been sent than shards are to work side by side.
if not begun and busy(lane) >= fact('parallel') then
  save()
  return cjson.encode({late = late, left = 0})
end

-- Its first one is the sign of life that others wait for.
if (begun or '') == '' then redis.call('HDEL', lanes, 'quiet_ms@' .. lane, 'sent@' .. lane, 'sent_at@' .. lane) end

local mine, waiting, excess = {}, open_ones(rest), {}
for _, index in ipairs(open_ones(begun)) do
  local is_kept = asked.running == '' and #mine < asked.most or index == asked.running
  local where = is_kept and mine or excess
  where[#where + 1] = index
end
if #waiting > 0 and #mine == 0 and asked.most == 0 then
  for position, index in ipairs(waiting) do excess[#excess + 1] = index end
  put_back(lane, table.concat(excess, ' '))
  waiting, excess = {}, {}
end
for position = #excess, 1, -1 do put_back(lane, excess[position]) end

if asked.running == '' then
  -- Towards the end nobody takes what others could do meanwhile.
  local fair = math.ceil(redis.call('LLEN', todo_of(lane)) / math.max(1, fact('parallel')))
  asked.most = math.min(asked.most, math.max(1, fair))
  -- A unit is run as a whole, a step at a time; units of one step may be taken several at once.
  if #mine == 0 and #waiting > 0 and asked.most > 0 then mine[1] = table.remove(waiting, 1) end
  while #mine < asked.most and #waiting == 0 do
    local unit = redis.call('LPOP', todo_of(lane))
    if not unit then break end
    local taken = open_ones(unit)
    if #taken > 1 and #mine > 0 then
      put_back(lane, unit)
      break
    end
    mine[#mine + 1] = table.remove(taken, 1)
    waiting = taken
  end
end

local answer = {late = late, left = redis.call('LLEN', todo_of(lane)), waited_ms = now - fact('created_at'), steps = {}}
if #mine == 0 then
  disown(shard, lane)
else
  local lease = now + asked.grace_ms
  for position, step in ipairs(redis.call('HMGET', steps, unpack(mine))) do
    if not step then
      give_up_lost()
      answer.steps = {}
      break
    end
    lease = lease + tonumber(string.match(step, '^%d+'))
    answer.steps[position] = {mine[position], step}
  end
  own(shard, lane, lease, table.concat(mine, ' '), table.concat(waiting, ' '))
  note('active_at', now)
  if not facts.started_at then note('started_at', now) end
end
if asked.running ~= '' then answer.has_room = answer.left > 0 and busy(lane) < fact('parallel') end
save()
renew_in_time()
return cjson.encode(answer)
