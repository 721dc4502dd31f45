-- ARGV: why a worker left the run alone, or could not run it; told if nobody else takes it.
if is_known then redis.call('HSET', run, 'refusal', ARGV[1]) end
