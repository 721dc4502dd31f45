"""An app with a squashed migration."""
