-- Answers how the run stands; nothing where there is none.
if not is_known then return nil end
sweep()
return standing()
