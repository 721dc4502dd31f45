-- Those of the units' steps that have no result, each unit's in a list.
local function open_ones(units)
  local indices, open = {}, {}
  for index in string.gmatch(table.concat(units, ' '), '%d+') do indices[#indices + 1] = index end
  local is_ended = {}
  for first = 1, #indices, 500 do
    local found = redis.call('HMGET', results, unpack(indices, first, math.min(first + 499, #indices)))
    for offset = 1, #found do is_ended[indices[first + offset - 1]] = found[offset] end
  end
  for each, unit in ipairs(units) do
    open[each] = {}
    for index in string.gmatch(unit, '%d+') do
      if not is_ended[index] then table.insert(open[each], index) end
    end
  end
  return open
end

-- The first of a unit's steps that has no result, and those behind it.
local function first_of(unit)
  while unit ~= '' do
    local index, start = string.match(unit, '^(%d+) ?()')
    unit = string.sub(unit, start)
    if redis.call('HEXISTS', results, index) == 0 then return index, unit end
  end
  return nil, ''
end

-- The latest turn of a shard that has come. What comes behind it comes late: its packet was lost, or Redis was away.
local function latest_turn(shard)
  return tonumber(redis.call('HGET', lanes, 'turn@' .. shard) or 0)
end

-- Hands out steps to a shard, `most` of them or but the one that is `running`, and answers them as JSON, beside the
-- ends that came late. Safe to repeat: the same call answers the same steps. One that comes behind a later turn hands out and takes
-- back nothing.
local function hand_out(asked, late)
  local shard, lane = asked.shard, asked.lane
  local function nothing(has_ended)
    save()
    return cjson.encode({late = late, left = 0, has_ended = has_ended})
  end
  sweep()
  if facts.finished_at then return nothing(true) end

  local turn = latest_turn(shard)
  if asked.turn < turn then
    save()
    return cjson.encode({late = late, left = redis.call('LLEN', todo_of(lane))})
  end
  redis.call('HSET', lanes, 'turn@' .. shard, asked.turn)
  if turn == 0 then expire(lanes) end

  local _, begun, rest = owned(shard)
  -- More messages may have been sent than shards are to work side by side.
  if not begun and busy(lane) >= fact('parallel') then return nothing(false) end

  -- Its first one is the sign of life that others wait for.
  if (begun or '') == '' then redis.call('HDEL', lanes, 'quiet_ms@' .. lane, 'sent@' .. lane, 'sent_at@' .. lane) end

  local mine, waiting, excess = {}, rest or '', {}
  for _, index in ipairs(open_ones({begun or ''})[1]) do
    local is_kept = asked.running == '' and #mine < asked.most or index == asked.running
    local where = is_kept and mine or excess
    where[#where + 1] = index
  end
  if waiting ~= '' and #mine == 0 and asked.most == 0 then
    excess[#excess + 1] = waiting
    put_back(lane, table.concat(excess, ' '))
    waiting, excess = '', {}
  end
  for position = #excess, 1, -1 do put_back(lane, excess[position]) end

  -- Takes units until there are so many steps. A unit is run as a whole, a step at a time; units of one step may be taken
  -- several at once.
  local function take_units(most)
    local units = redis.call('LPOP', todo_of(lane), most - #mine) or {}
    for position, open in ipairs(open_ones(units)) do
      if waiting ~= '' or (#open > 1 and #mine > 0) then
        for last = #units, position, -1 do put_back(lane, units[last]) end
        return false
      end
      mine[#mine + 1] = table.remove(open, 1)
      waiting = table.concat(open, ' ')
    end
    return #units > 0 and waiting == ''
  end

  if asked.running == '' then
    -- Towards the end nobody takes what others could do meanwhile.
    local fair = math.ceil(redis.call('LLEN', todo_of(lane)) / math.max(1, fact('parallel')))
    local most = math.min(asked.most, math.max(1, fair))
    if #mine == 0 and most > 0 then mine[1], waiting = first_of(waiting) end
    while #mine < most and waiting == '' and take_units(most) do end
  end

  local answer = {late = late, left = redis.call('LLEN', todo_of(lane)), waited_ms = now - fact('created_at')}
  local handed_out = {}
  if #mine == 0 then
    disown(shard, lane)
  else
    local lease = now + asked.grace_ms
    for position, step in ipairs(redis.call('HMGET', steps, unpack(mine))) do
      if not step then
        give_up_lost()
        return nothing(true)
      end
      local limit_ms, start = string.match(step, STEP)
      lease = lease + tonumber(limit_ms)
      handed_out[position] = '["' .. mine[position] .. '",' .. string.sub(step, start) .. ']'
    end
    own(shard, lane, lease, table.concat(mine, ' '), waiting)
    note('active_at', now)
    if not facts.started_at then note('started_at', now) end
  end
  if asked.running ~= '' then answer.has_room = answer.left > 0 and busy(lane) < fact('parallel') end
  save()
  renew_in_time()
  return '{"steps":[' .. table.concat(handed_out, ',') .. '],' .. string.sub(cjson.encode(answer), 2)
end
