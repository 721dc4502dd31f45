-- ARGV: one JSON object, a part of the plan but for the last. Before the run is created.
add(cjson.decode(ARGV[1]))
