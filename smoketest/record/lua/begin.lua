-- ARGV: shard. A shard that owns a step already was delivered before, and whoever ran that step is dead.
if redis.call('EXISTS', run) == 0 then return 0 end
release(ARGV[1], 'lost', 'its worker process died while it ran')
renew()
return 1
