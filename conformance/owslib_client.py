"""Reads every collection of a server with OWSLib, as its users do, and compares what it gets by pages, boxes and filters.

usage: owslib_client.py URL
"""

import json
import sys
import urllib.request

from owslib.ogcapi.features import Features


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


def ids(page):
    return [feature["id"] for feature in page["features"]]


def pages(client, collection, **asked):
    """All pages by the links between them; the client itself gives the first."""
    page = client.collection_items(collection, **asked)
    found = ids(page)
    matched = page["numberMatched"]
    while link := next((link for link in page["links"] if link["rel"] == "next"), None):
        page = json.loads(fetch(link["href"]))
        found += ids(page)
    assert len(found) == matched, f"{collection} {asked}: {len(found)} features of {matched}"
    assert len(set(found)) == len(found), f"{collection} {asked}: a feature twice"
    return found


def main(url):
    client = Features(url)
    classes = client.conformance()["conformsTo"]
    assert "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core" in classes, classes
    collections = client.feature_collections()
    total = 0
    for collection in collections:
        about = client.collection(collection)
        queryables = client.collection_queryables(collection)["properties"]
        every = [json.loads(line)["id"] for line in fetch(f"{url}/collections/{collection}/items?f=ndjson").splitlines()]
        found = pages(client, collection, limit=1000)
        assert sorted(found) == sorted(every), f"{collection}: pages and file differ"
        total += len(every)
        if not every:
            continue
        one = client.collection_item(collection, str(every[0]))
        assert one["id"] == every[0] and one["type"] == "Feature"
        west, south, east, north = about["extent"]["spatial"]["bbox"][0]
        middle = (west + east) / 2
        halves = [(west, south, middle, north), (middle, south, east, north)]
        halves = [set(pages(client, collection, bbox=list(half), limit=1000)) for half in halves]
        with_place = {feature["id"] for feature in client.collection_items(collection, limit=10000)["features"] if feature["geometry"]}
        if len(every) <= 10000:
            assert halves[0] | halves[1] == with_place, f"{collection}: two halves are not the whole"
        name = next(name for name, schema in queryables.items() if "$ref" not in schema and "format" not in schema)
        some = set(pages(client, collection, filter=f"{name} IS NULL", limit=1000))
        others = set(pages(client, collection, filter=f"{name} IS NOT NULL", limit=1000))
        assert some | others == set(every) and not some & others, f"{collection}: a filter and its contrary"
    print(f"OWSLib: {len(collections)} collections, {total} features by pages, boxes and filters")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
