FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=worker.settings \
    DATABASE_PATH=/data/db.sqlite3

WORKDIR /app

COPY requirements/run.txt requirements/
RUN pip install --no-cache-dir --require-hashes --requirement requirements/run.txt

COPY smoketest smoketest
COPY worker worker

# A named volume takes over the owner of the folder that it is mounted on.
RUN useradd --system app && install --directory --owner=app --group=app /data
USER app

EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=25s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/smoketest/')"]
CMD ["gunicorn", "worker.wsgi", "--bind", "0.0.0.0:8000", "--threads", "4", "--access-logfile", "-", "--no-control-socket"]
