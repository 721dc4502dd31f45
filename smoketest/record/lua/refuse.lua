-- ARGV: why a worker left the run alone; told if nobody else takes it.
if is_known then note('refusal', ARGV[1]) end
