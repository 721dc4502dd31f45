import base64
import json
import logging
import os
import sys
import threading
import warnings
from pathlib import Path
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

from smoketest import SmokeTest, timeout
from tests.project import leaky


def secret():
    """Return the one that is planted; a worker finds it in its environment."""
    return os.environ.get("PLANTED_API_KEY", leaky.secret)


class LeakyTest(SmokeTest):
    def test_a_message(self):
        raise RuntimeError("the key is", secret())

    def test_assertion(self):
        self.assertEqual(secret(), "another")

    def test_assertion_that_shortens(self):
        self.assertEqual("x" * 60 + secret() * 3, "x" * 60)

    def test_bytes(self):
        raise RuntimeError(secret().encode())

    def test_chained(self):
        try:
            raise KeyError(secret())  # noqa: TRY301 (as code does)
        except KeyError as error:
            raise ValueError(f"after {secret()}") from error

    def test_context(self):
        try:
            raise KeyError(secret())  # noqa: TRY301
        except KeyError:
            raise ValueError  # noqa: B904 (the other one is its context)

    def test_environment(self):
        self.fail(f"{os.environ}")

    def test_group(self):
        raise ExceptionGroup("many", [ValueError(secret()), ValueError(quote(secret(), safe=""))])

    def test_header(self):
        told = base64.b64encode(f"user:{secret()}".encode()).decode()
        raise RuntimeError({"Authorization": f"Basic {told}"}, f"X-Forwarded: {told}")

    @timeout(0.05)
    def test_hangs(self):
        # Where a thread is when it is left tells the names of files.
        code = compile("leaky.goes_on.wait()", f"/srv/{secret()}/wait.py".replace("\0", ""), "exec")
        exec(code, {"leaky": leaky})  # noqa: S102

    def test_hex(self):
        raise RuntimeError(secret().encode().hex())

    def test_improperly_configured(self):
        raise ImproperlyConfigured(f"SHOP_URL is {secret()!r}")

    def test_in_cleanup(self):
        self.addCleanup(self.fail, secret())

    def test_in_a_nested_group(self):
        inner = ValueError("inner")
        inner.add_note(secret())
        raise ExceptionGroup("outer", [ExceptionGroup(secret(), [inner])])

    def test_json(self):
        self.fail(json.dumps({"key": secret()}))

    def test_locals(self):
        key = secret()
        self.assertIsNone(key)

    def test_logs(self):
        logging.getLogger("leaky").warning("key %r", secret())
        try:
            raise ValueError(secret())  # noqa: TRY301
        except ValueError:
            logging.getLogger("leaky").exception("it broke")
        self.fail("see the logs")

    def test_long(self):
        print(("x" * 100 + secret()) * 1000)  # cut somewhere in the middle
        self.fail("see stdout")

    def test_note(self):
        error = ValueError()
        error.add_note(secret())
        raise error

    def test_skipped(self):
        self.skipTest(f"not without {secret()}")

    def test_stderr(self):
        print(secret(), file=sys.stderr)
        self.fail("see stderr")

    def test_subtest(self):
        with self.subTest(key=secret()):
            self.fail("see the subtest")

    def test_url(self):
        raise RuntimeError(f"https://user:{secret()}@host/ https://user:{quote(secret(), safe='')}@host/?k={secret()}")

    def test_thread(self):
        # What a test leaves behind is told by name.
        threading.Thread(target=leaky.goes_on.wait, name=secret(), daemon=True).start()
        self.fail("see the warnings")

    def test_warning(self):
        warnings.warn(secret(), stacklevel=1)
        self.fail("see the warnings")

    def test_driver(self):
        # What a driver can't read it repeats.
        import psycopg

        psycopg.connect(f"postgresql://shop:{secret()}@127.0.0.1:x/shop?connect_timeout=1")

    def test_written_where_it_works(self):
        Path.cwd()  # leaves nothing but what it tells
        print(repr(secret()), quote(secret()), secret())
