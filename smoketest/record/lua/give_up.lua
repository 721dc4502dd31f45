-- ARGV: lane, message. Nobody took a test there in time; changes nothing where somebody has meanwhile.
sweep()
local since = silent_since(ARGV[1], busy_lanes())
if since and now > since + fact('start_ms') then
  moment = since + fact('start_ms')
  give_up_waiting(ARGV[1], 'lost', ARGV[2])
end
