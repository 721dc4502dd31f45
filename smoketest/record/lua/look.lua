-- KEYS: but the first few. Answers how a run stands that goes on as it should, as most looks find it; nothing where something is
-- to be done about it, or where there is none: `poll` tells.
local goes_on = fact('left') > 0 and now <= fact('deadline') and not was_unseen()
-- Somebody is at work, or is waited for, and nobody's time is over.
if goes_on and redis.call('EXISTS', quiet, shards) > 0 and #overdue() == 0 then
  note_look()
  return standing(false)
end
