"""The README, followed by the letter in a new project."""

import json
import re

import pytest

from tests.live import walk
from tests.live.test_service import request
from tests.servers import ROOT

pytestmark = pytest.mark.live

_README = ROOT / "README.md"
_SLOW_ID = "module1.smoke.DemoTest.test_something_slow"


@pytest.fixture
def project(tmp_path, redis_server):
    """A new project with all that the README says in it, its server and its worker."""
    with walk.Walk(tmp_path, redis_server.url) as new:
        new.run("django-admin startproject mysite . && python manage.py startapp module1")
        for path, is_added, text in walk.files(_README):
            new.write(path, text, is_added=is_added)
        new.run("python manage.py check --fail-level WARNING && python manage.py makemigrations module1 -v 0")
        new.run("python manage.py migrate -v 0")
        new.run("python manage.py runserver")
        new.run("celery -A mysite worker --concurrency 2")
        yield new


def test_readme(project):
    """The example gives exactly the report that the README shows: red, then green, then the slow test's error."""
    url = f"http://127.0.0.1:{project.port}/smoketest/"
    authorization = {"Authorization": "Bearer a long random secret"}

    red = request(url)
    project.run('python manage.py shell -c "from module1.models import *; FooModel.objects.create()"')
    green = request(url)
    started = request(f"{url}slow/", "POST", **authorization)
    final = request(f"{started[1]['Location']}?wait=20", **authorization)
    final_json = request(f"{started[1]['Location']}?format=json", **authorization)

    assert (red[0], walk.plain(red[2], project.folder)) == (500, shown("FAIL"))
    assert (green[0], walk.plain(green[2], project.folder)) == (200, shown("PASS"))
    started_text = re.sub(r"time: [\d.]+ms", "time: 0.00000000ms", started[2])
    assert (started[0], started_text.splitlines()[:-2]) == (202, shown("PENDING").splitlines()[:-2])
    assert final[0] == 500
    assert re.sub(r"time: [\d.]+ms", "", final[2]).startswith(
        "FAIL\ntest classes: 1\ntests run: 3\ntests passed: 2\ntests failed: 0\ntests errored: 1\n\n\n"
        f"{_SLOW_ID} errored\n    NameError: name 'foo' is not defined\n"
    )
    assert json.loads(final_json[2])["errored_tests"] == [_SLOW_ID]


def shown(verdict):
    """Return the report that the README shows with this verdict."""
    return next(text for language, text in walk.blocks(_README) if language == "text" and text.startswith(verdict))
