raise LookupError("alpha would not load")
