"""What nobody may see of a text that is kept: the project's own secrets, and what looks like somebody's."""
