from django.db import models


class FooModel(models.Model):
    name = models.CharField(max_length=100, unique=True, default="foo")

    def __str__(self):
        return self.name
