-- ARGV: shard, message. Whoever ran that shard is dead; answers for how many units another is to be sent at once, and their
-- lane. For none where it had not begun any: the next might end as soon, so that it is sent when they have waited.
local lane, begun = owned(ARGV[1])
if not (is_known and lane) then return {0, ''} end
release(ARGV[1], 'lost', ARGV[2])
save()
return {begun == '' and 0 or redis.call('LLEN', todo_of(lane)), lane}
