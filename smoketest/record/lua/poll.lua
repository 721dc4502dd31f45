-- Answers how the run stands; nothing where there is none.
if not is_known then return nil end
sweep()
-- Nobody is at work, and nobody is waited for.
if fact('left') > 0 and redis.call('EXISTS', shards, quiet) == 0 then give_up_lost() end
return standing()
