"""An app whose async test blocks its event loop."""
