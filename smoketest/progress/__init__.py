"""How a run that goes on is shown to whoever waits for it."""
