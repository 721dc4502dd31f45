"""An app whose tests leave things behind."""
