"""What a run shows, in every format."""
