from django.db import migrations


class Migration(migrations.Migration):
    initial = True
    replaces = [("squashed", "0001_first"), ("squashed", "0002_second")]
