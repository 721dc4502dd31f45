-- ARGV: the indices of the first and the last step. Answers them and their results, and the index to go on from.
return {read(tonumber(ARGV[1]), tonumber(ARGV[2]))}
