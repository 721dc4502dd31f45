"""What is kept of a test holds no secret, and is what it was otherwise."""

import base64
import json
from dataclasses import make_dataclass
from html import escape
from urllib.parse import quote, quote_plus

import pytest
from django.conf import global_settings
from django.views.debug import SafeExceptionReporterFilter
from hypothesis import given
from hypothesis import strategies as st

from smoketest.failures import cut
from smoketest.results import Outcome
from smoketest.secrecy.collect import collect
from smoketest.secrecy.scrub import Scrubber
from smoketest.secrecy.shapes import HIDDEN
from tests.core.making import make_result

PRIVATE_KEY = (
    "-----BEGIN PRIVATE KEY-----\n"
    + "\n".join(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"] * 4)
    + "\n-----END PRIVATE KEY-----"
)
CORES = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=12, max_size=40).map("Zq7{}".format)
ODD = st.text("@:/?#%&'\"\\<> ;=+äé€\t\n", max_size=4)
SECRETS = st.tuples(ODD, CORES, ODD)
SPELLINGS = st.sampled_from(
    [
        str,
        repr,
        lambda secret: repr([secret, 'it\'s "so"']),
        json.dumps,
        escape,
        quote,
        quote_plus,
        lambda secret: quote(secret, safe=""),
        lambda secret: quote(secret, safe="").lower() if secret.islower() else secret,
        lambda secret: json.dumps(secret, ensure_ascii=False),
        lambda secret: repr(secret.encode()),
        lambda secret: secret.encode().hex(),
        lambda secret: quote(quote(secret, safe=""), safe=""),
        lambda secret: json.dumps(secret).replace("/", "\\/"),
        lambda secret: repr(repr(secret)),
        lambda secret: "\n".join(f"- {line}" for line in secret.splitlines()),
    ]
)


@given(secret=SECRETS, spell=SPELLINGS, before=st.text(max_size=20), after=st.text(max_size=20))
def test_scrub__spellings(secret, spell, before, after):
    """A secret is blanked however it is written down."""
    text = before + spell("".join(secret)) + after

    told = Scrubber(["".join(secret)]).text(text)

    assert secret[1] not in told
    assert secret[1].encode().hex() not in told


SECRET = "Zq7-hunter2-hunter2"
"""Where it may stand in settings; the names of the last ones tell nothing."""
PLACES = [
    {"SHOP": {"OPTIONS": {"pwd": SECRET}}},
    {"SHOP": [("API_KEY", SECRET)]},
    {"SHOP": bytearray(b"x"), "SHOP_KEY": bytearray(SECRET.encode())},
    {"SHOP_CREDENTIALS": SECRET},
    {"SHOP": {"credentials": SECRET}},
    {"SHOP": {"bank_credentials": SECRET}},
    {"SHOP": {"db_pwd": SECRET}},
    {"SHOP_WEBHOOK": SECRET},
    {"SHOP": {"webhook": SECRET}},
    {"SHOP_WEBHOOK_URL": SECRET},
    {"SHOP": {"webhook_url": SECRET}},
    {"SHOP": make_dataclass("Bank", ["api_key"])(SECRET)},
    {"SHOP": f"host=db password={SECRET} user=shop"},
    {"SHOP": f"redis://db/0?x=1&password={SECRET}"},
    {"SHOP": f"SET ROLE shop PASSWORD '{SECRET}'"},
    {"SHOP": f"amqp://a:{SECRET}@one//;amqp://b:other-one@two//"},
    {"SHOP": f"amqp://a:other-one@one//,amqp://b:{SECRET}@two//"},
    {"SHOP": f"https://{SECRET}@errors.example/1"},
]


HIDDEN_NAMES = SafeExceptionReporterFilter.hidden_settings.search


@pytest.mark.parametrize("named", PLACES)
def test_collect(named):
    """A secret is found by its name at any depth, and in what drivers and clients are told."""
    assert SECRET in collect(named, HIDDEN_NAMES)


def test_collect__webhook_path():
    """The path of a webhook is found alone too: so a client tells it that does not get through."""
    found = collect({"SLACK_WEBHOOK_URL": "https://hooks.example/services/T0/B0/Zq7hunter2"}, HIDDEN_NAMES)

    assert found == {"https://hooks.example/services/T0/B0/Zq7hunter2", "/services/T0/B0/Zq7hunter2"}


@pytest.mark.parametrize("name", ["DB_PASSWORD", "CLIENT_SECRET", "API_TOKEN", "SIGNING_KEY", "db_pwd", "credentials"])
def test_collect__dotted_passphrase(name):
    """A passphrase with dots is found, although it may look like the path of an import."""
    assert collect({name: "correct.horse.battery"}, HIDDEN_NAMES) == {"correct.horse.battery"}


@pytest.mark.parametrize(
    "named",
    [
        {"PWD": "/srv/shop"},
        {"OLDPWD": "/srv/shop"},
        {"CACHE_KEY_SECONDS": 86400},
        {"SHOP": ("a", "b")},
        {"SHOP_API": {"RENDERER": "shop.api.Renderer"}},
        {"SHOP_WEBHOOK_TIMEOUT": "1 second"},
        {"AUTH_PASSWORD_VALIDATORS": [{"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"}]},
    ],
)
def test_collect__no_secret(named):
    """What only looks like one is left."""
    assert collect(named, HIDDEN_NAMES) == set()


def test_collect__djangos_own():
    """Nothing that Django itself sets is a secret, but for passwords that are empty."""
    assert collect(vars(global_settings), HIDDEN_NAMES) == {""}


@given(secret=SECRETS, user=st.text(max_size=9))
def test_scrub__base64(secret, user):
    """A secret is blanked in base64 too, wherever in it it stands."""
    whole = "".join(secret).encode()
    text = base64.b64encode(user.encode() + whole + b"!").decode()

    found = Scrubber([whole.decode()]).text(f"sent {text}")

    assert HIDDEN in found
    assert len(found) < len(text)


@given(secret=CORES, start=st.integers(16 * 512 - 60, 16 * 512 + 5), length=st.integers(20_000, 20_100))
def test_scrub__cut(secret, start, length):
    """A secret through which a text was cut leaves no half of it on either side."""
    ends = "x" * start + secret + " " * (length - 2 * start) + secret + "y" * start

    found = Scrubber([secret]).text(cut(ends))

    assert "characters left out" in found
    assert secret[:6] not in found
    assert secret[-6:] not in found


@given(text=st.text(), secrets=st.lists(st.text(max_size=3)))
def test_scrub__short_secrets(text, secrets):
    """What is too short to be a secret blanks nothing."""
    assert Scrubber(secrets).text(text) == Scrubber().text(text)


@pytest.mark.parametrize(
    "text",
    [
        "KeyError: 'token'",
        "true is not false",
        "FATAL: database postgres does not exist",
        "invalid token: unexpected end of file",
        "Basic authentication is wanted",
        "Bearer tokens are wanted",
        "send `Authorization: Bearer <token>` with a token",
        "http://127.0.0.1:8000/shop/?page=2 mails to me@example.org",
        "http://localhost:8000/me@example.org",
        "a rooted tree in /srv/roots",
        "the monkey sees",
        "password is None, password=None",
        'File "/srv/shop/keys.py", line 3, in test_keys',
    ],
)
def test_scrub__ordinary_words(text):
    """Ordinary words stay, also where somebody has chosen them for a password."""
    assert Scrubber(["true", "postgres", "root", "key", "me", "ro"]).text(text) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("postgres://shop:hunter@db/shop", "postgres://shop:[hidden]@db/shop"),
        ("redis://:hun/ter@db:6379/0", "redis://:[hidden]@db:6379/0"),
        ("GET /?page=2&api_key=abc&x=1", "GET /?page=2&api_key=[hidden]&x=1"),
        ("Authorization: Bearer abcdefgh", "Authorization: Bearer [hidden]"),
        ("{'Authorization': 'Token abc'}", "{'Authorization': 'Token [hidden]'}"),
        ("sent Bearer abc123def456", "sent Bearer [hidden]"),
        ("sent Basic dXNlcjpwYXNz", "sent Basic [hidden]"),
        ("X-Api-Key: abc", "X-Api-Key: [hidden]"),
        ("Cookie: sessionid=abc; a=b", "Cookie: [hidden]"),
        ("PGPASSWORD=abc psql", "PGPASSWORD=[hidden] psql"),
        ("{'password': 'two words'}", "{'password': [hidden]}"),
        ("host=db password=abc user=shop", "host=db password=[hidden] user=shop"),
        ("ghp_0123456789012345678901234567890123456", "[hidden]"),
        ("AKIAIOSFODNN7EXAMPLE", "[hidden]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc", "[hidden]"),
        (PRIVATE_KEY, "-----BEGIN PRIVATE KEY-----[hidden]-----END PRIVATE KEY-----"),
    ],
)
def test_scrub__shapes(text, found):
    """What looks like a secret is blanked without being known."""
    assert Scrubber().text(text) == found


@pytest.mark.parametrize("secret", ["hunter", "7777"])
def test_scrub__inside_a_word(secret):
    """A short secret is blanked where it stands alone, not inside of another word."""
    assert Scrubber([secret]).text(f"a{secret}s {secret}!") == f"a{secret}s [hidden]!"


def test_scrub__lines():
    """A secret of many lines is blanked line by line too."""
    shown = "\n".join(f"- {line}" for line in PRIVATE_KEY.splitlines()[1:-1])

    assert "MIIE" not in Scrubber([PRIVATE_KEY]).text(shown)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("'k3y-0[12 chars]9-abcdefghij-kl'", "'[hidden][12 chars][hidden]'"),
        ("a k3y-0123 [truncated]...", "a [hidden] [truncated]..."),
        ("x[7 chars]pqrst'", "x[7 chars][hidden]'"),
    ],
)
def test_scrub__part(text, found):
    """What a comparison that is shortened tells of a long secret is blanked too."""
    assert Scrubber(["k3y-0123456789-abcdefghij-klmnopqrst"]).text(text) == found


@pytest.mark.parametrize("text", ["postgres://shop:hunterhunter@db/", "Bearer abc123def456ghi789 ", PRIVATE_KEY + "\n"])
@pytest.mark.parametrize("shift", [-30, -15, -5])
def test_scrub__shape_cut(text, shift):
    """What looks like a secret is blanked although the text was cut in it."""
    half = 16 * 512
    found = Scrubber().text(cut(" " * (half + shift) + text + " " * 9000))

    assert not {"hunter", "def456", "MIIEvQ"} & {found[at : at + 6] for at in range(len(found))}


def test_scrub__nothing_to_do():
    """A result without text stays the same object: what costs nothing can be done always."""
    result = make_result("shop.smoke.CartTest.test_add", Outcome.PASSED)

    assert Scrubber(["hunter2-hunter2"]).result(result) is result


def test_scrub__result():
    """All texts of a result are scrubbed."""
    texts = dict.fromkeys(("message", "traceback", "stdout", "stderr", "logs"), "a hunter2-hunter2")
    result = make_result("shop.smoke.CartTest.test_add", Outcome.ERRORED, warnings=("hunter2-hunter2",), **texts)

    assert "hunter2" not in repr(Scrubber(["hunter2-hunter2"]).result(result))


def test_scrub__whole_behind_a_cut():
    """A secret that stands whole behind a cut, and begins as another half of it would end, is blanked whole."""
    secret = "::: Zq72222222222222222::::"

    assert "Zq7" not in Scrubber([secret]).text(f"a[20 chars]:{secret} b")


@pytest.mark.parametrize("spell", [str, repr, json.dumps, lambda text: json.dumps(repr(text))])
def test_scrub__side_by_side(spell):
    """Secrets that end with backslashes, escaped or not, are blanked where one follows the other."""
    secret = "\\Zq7222222222222\\"

    assert "Zq7" not in Scrubber([secret]).text(spell(3 * secret))
