-- Answers the facts of the run by name and the time; nothing where there is no such run.
if redis.call('EXISTS', run) == 0 then return {} end
sweep()
local facts = redis.call('HGETALL', run)
facts[#facts + 1] = 'now'
facts[#facts + 1] = tostring(now)
return facts
