-- ARGV: 1 where the run is withdrawn, else 0. Nothing new starts; what runs is recorded as ended here, and its worker ends it
-- when it sees that it owns it no more.
if not is_known then return 0 end
if fact('left') > 0 then
  note('cancelled_at', now)
  if ARGV[1] == '1' then note('withdrawn_at', now) end
  for _, shard in ipairs(redis.call('HKEYS', shards)) do release(shard, 'not_run', 'the run was cancelled while it ran') end
  for _, lane in ipairs(lane_names()) do
    give_up_waiting(lane, 'not_run', 'the run was cancelled before it could begin')
  end
end
renew()
return 1
