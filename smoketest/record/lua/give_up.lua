-- ARGV: lane, message. Nobody took a test there in time; changes nothing where somebody has meanwhile.
if not is_known then return end
sweep()
local since = quiet_since(ARGV[1])
if since and now > since + fact('start_ms') then
  moment = since + fact('start_ms')
  give_up_waiting(ARGV[1], 'lost', ARGV[2])
end
save()
