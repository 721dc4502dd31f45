"""The Django project whose smoke tests are measured."""
