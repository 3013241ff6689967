"""A server as the tests see it."""

import functools
import http.client
import json
import re
import urllib.parse

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
GEOJSON = "application/geo+json"
# Parameters that Python has no names for.
NAMES = {name.replace("-", "_"): name for name in ("bbox-crs", "filter-lang", "filter-crs")}
# More than any page holds here.
ALL = 10000


class Answer:
    def __init__(self, response, path):
        self.path = path
        self.status = response.status
        self.version = response.version
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def kind(self):
        """The media type, without parameters."""
        return self.headers.get("content-type", "").split(";")[0].strip()

    def json(self):
        return json.loads(self.body)

    def expect(self, *statuses):
        """Itself, if its status is one of those."""
        assert self.status in statuses, f"{self.status} instead of {statuses} from {self.path}: {self.body[:300]!r}"
        return self


class World:
    def __init__(self, url, token=None):
        self.url = url.rstrip("/")
        self.token = token
        self.host = urllib.parse.urlsplit(self.url).netloc
        self.connection = None

    def send(self, method, path, query=None, headers=None, body=None):
        """Asks. `path` is one of the server's, or an address with its host; parameters are encoded here."""
        if path.startswith("http"):
            assert path.startswith(self.url), f"{path} is not this server's"
            path = path[len(self.url) :] or "/"
        if query:
            path += ("&" if "?" in path else "?") + urllib.parse.urlencode(query, quote_via=urllib.parse.quote)
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection(self.host, timeout=60)
            try:
                self.connection.request(method, path, body=body, headers=headers or {})
                return Answer(self.connection.getresponse(), f"{method} {urllib.parse.unquote(path)}")
            except (http.client.HTTPException, ConnectionError):
                # A connection that was not used for a while may have been closed.
                self.connection.close()
                self.connection = None
                if attempt == 2:
                    raise
        raise AssertionError

    def get(self, path, query=None, accept="application/json", **headers):
        return self.send("GET", path, query, {"Accept": accept, **headers})

    @functools.cached_property
    def landing(self):
        return self.get("/").expect(200).json()

    @functools.cached_property
    def classes(self):
        return self.get("/conformance").expect(200).json()["conformsTo"]

    @functools.cached_property
    def api(self):
        return self.get("/api", accept="application/vnd.oai.openapi+json;version=3.0").expect(200).json()

    @functools.cached_property
    def collections(self):
        """Every collection, by its id."""
        return {it["id"]: it for it in self.get("/collections").expect(200).json()["collections"]}

    @functools.cached_property
    def filled(self):
        """Those that have features with a place."""
        return {id: it for id, it in self.collections.items() if "extent" in it and self.features(id)}

    @functools.lru_cache(maxsize=None)
    def features(self, collection):
        """All features of a collection."""
        page = self.items(collection, limit=ALL)
        assert page["numberMatched"] == len(page["features"]), f"{collection} has more than a page"
        return page["features"]

    def items(self, collection, **query):
        said = {True: "true", False: "false"}
        query = {NAMES.get(name, name): said[it] if isinstance(it, bool) else it for name, it in query.items()}
        answer = self.get(f"/collections/{collection}/items", query, accept=GEOJSON).expect(200)
        assert answer.kind == GEOJSON, answer.kind
        return answer.json()

    def ids(self, collection, **query):
        """Of the features that fulfil what is asked."""
        # Whatever is asked for, the same page again and again is not sent with its geometries.
        page = self.items(collection, limit=ALL, skipGeometry="true", **query)
        return {feature["id"] for feature in page["features"]}

    @functools.lru_cache(maxsize=None)
    def described(self, collection, what):
        """The schema, queryables or sortables of a collection."""
        answer = self.get(f"/collections/{collection}/{what}", accept="application/schema+json").expect(200)
        assert answer.kind == "application/schema+json", answer.kind
        return answer.json()

    def operation(self, path, method="get"):
        """What the description says of a path, whatever its parameters are called."""
        wanted = re.sub(r"\{[^}]*\}", "{}", path)
        for name, operations in self.api["paths"].items():
            if re.sub(r"\{[^}]*\}", "{}", name) == wanted and method in operations:
                return operations[method]
        raise AssertionError(f"{method} {path} is not described")

    def parameter(self, path, name):
        """A parameter of a path, as the description has it."""
        found = [it for it in self.operation(path)["parameters"] if it["name"] == name]
        assert len(found) == 1, f"{name} of {path}: {found}"
        return found[0]


def links(document, rel):
    return [link for link in document.get("links", []) if link["rel"] == rel]


def link(document, rel, kind=None):
    """The one link of a kind."""
    found = [it for it in links(document, rel) if kind is None or it.get("type") == kind]
    assert found, f"no link {rel} {kind or ''}"
    return found[0]["href"]


def vertices(geometry):
    """All positions of a geometry in GeoJSON."""
    if geometry is None:
        return
    if geometry["type"] == "GeometryCollection":
        for part in geometry["geometries"]:
            yield from vertices(part)
        return
    stack = [geometry["coordinates"]]
    while stack:
        it = stack.pop()
        if it and isinstance(it[0], (int, float)):
            yield it
        else:
            stack.extend(reversed(it))


def box(geometry):
    xs, ys = zip(*((at[0], at[1]) for at in vertices(geometry)))
    return [min(xs), min(ys), max(xs), max(ys)]
