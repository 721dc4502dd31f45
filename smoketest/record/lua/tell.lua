-- ARGV: `started` or `finished`. Answers 1 to the first who asks once that has happened, and nothing to anybody else.
if not facts[ARGV[1] .. '_at'] then return 0 end
return redis.call('HSETNX', run, 'told:' .. ARGV[1], now)
