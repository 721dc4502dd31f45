-- Nothing new starts; what runs is recorded as ended here, and what it answers later changes nothing.
if redis.call('EXISTS', run) == 0 then return 0 end
if fact('left') > 0 then
  redis.call('HSET', run, 'cancelled_at', now)
  for _, shard in ipairs(redis.call('HKEYS', own)) do
    release(shard, 'not_run', 'the run was cancelled while it ran')
  end
  give_up_waiting('not_run', 'the run was cancelled before it could begin')
end
renew()
return 1
