"""What is to be run: discovery and the plan."""
