-- ARGV: `started`, `finished` or both: they are told, and never again.
for _, event in ipairs(ARGV) do
  if is_known then note('told:' .. event, now) end
end
save()
