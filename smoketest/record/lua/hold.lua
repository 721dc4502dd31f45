-- ARGV: shard, lane, milliseconds.
return hold(ARGV[1], ARGV[2], ARGV[3])
