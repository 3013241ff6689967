"""The list of tests, and what they are made of.

A test is named as its standard names it: the class, a slash, and the test's own name. Where an annex has none for a
requirement, the requirement lends its name.
"""

import inspect

SPEC = "http://www.opengis.net/spec/"
# Of each class (a URI) the tests, in their order.
TESTS = {}


class Skipped(Exception):
    """The condition of a test is not given."""


class TestsOf:
    """Decorates the tests of a class; `uri` is its address after that of all specifications."""

    def __init__(self, uri):
        self.tests = TESTS.setdefault(SPEC + uri, {})

    def __call__(self, name):
        def kept(function):
            assert name not in self.tests, f"{name} twice"
            self.tests[name] = function
            return function

        return kept

    def of(self, name):
        """A test, for a class that asks for the same."""
        return self.tests[name]

    def names(self):
        return list(self.tests)


tests_of = TestsOf


def skip(reason):
    raise Skipped(reason)


def equal(found, wanted, what=""):
    if isinstance(found, set) and isinstance(wanted, set):
        more, less = sorted(found - wanted)[:5], sorted(wanted - found)[:5]
        assert found == wanted, f"{what}: {len(found)} instead of {len(wanted)}, such as {more} too many, {less} missing"
    assert found == wanted, f"{what}: {found!r} instead of {wanted!r}"


def run(world, uri):
    """Carries out the tests of a class: names with `None`, a reason to skip, or what is wrong."""
    for name, function in TESTS[uri].items():
        try:
            function(world) if inspect.signature(function).parameters else function()
            yield name, "passed", None
        except Skipped as reason:
            yield name, "skipped", str(reason)
        except Exception as error:  # Whatever goes wrong is a test that failed.
            place = inspect.trace()[-1]
            reason = f"{type(error).__name__} {error} ({place.filename.rsplit('/', 1)[-1]}:{place.lineno})"
            yield name, "failed", reason[:600]
