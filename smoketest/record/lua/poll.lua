-- ARGV: how many steps may be read at once, or 0. Answers how the run stands; with the steps, their results and what it is
-- compared with if it has finished, has no more of them, and that is not too much at once; nothing where there is none.
if not is_known then return {} end
sweep()
-- Nobody is at work, and nobody is waited for.
if fact('left') > 0 and redis.call('EXISTS', shards, quiet) == 0 then give_up_lost() end
save()
local answer = {standing(is_written)}
if facts.finished_at and fact('total') <= tonumber(ARGV[1]) then
  local of_steps, of_results, next_index = read(0, fact('total') - 1)
  if next_index == fact('total') then
    answer = {answer[1], of_steps, of_results, redis.call('GET', baseline) or ''}
  end
end
return answer
