"""The Celery side: publishing a run."""
