"""An app whose async tests block their event loops and threads."""
