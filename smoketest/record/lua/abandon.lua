-- ARGV: shard, message. Whoever ran that shard is dead; answers how many units wait on its lane, and the lane.
local lane = owned(ARGV[1])
if not lane then return {0, ''} end
release(ARGV[1], 'lost', ARGV[2])
save()
return {redis.call('LLEN', todo_of(lane)), lane}
