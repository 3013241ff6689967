"""Has filters of every kind parsed by another parser of CQL2 (the package `cql2`), and asks a server by what that makes of them.

usage: cql2_client.py URL

Each filter selects the same features as it is written, as the other parser writes it as JSON, and as it writes that as text.
"""

import json
import sys
import urllib.parse
import urllib.request

import cql2

# Over the demo's layers; of each kind that the standard's clauses 6 and 7 and its examples show.
FILTERS = {
    "streets": [
        "width_m >= 4.5",
        "tariff_category = 1 OR tariff_category > 2",
        "NOT (width_m < 4)",
        "width_m < 4 AND NOT (tariff_category = 1 AND kind <> 'x')",
        "name LIKE 'Ca%'",
        "name NOT LIKE '%a'",
        "CASEI(name) LIKE casei('%SAN%')",
        "ACCENTI(name) = accenti('Calle Lunga')",
        "CASEI(ACCENTI(full_name)) <> 'x'",
        "width_m BETWEEN 3 AND 6.5",
        "width_m NOT BETWEEN 3 AND 6.5",
        "tariff_category IN (1, 3, 5)",
        "kind NOT IN ('calle', 'campo')",
        "surface IS NULL",
        "surface IS NOT NULL",
        "name <> full_name",
        "width_m * 2 + 1 > tariff_category ^ 2 - 3 / 2",
        "(tariff_category + 1) % 2 = 0 AND tariff_category div 2 = 1",
        "-width_m < -4",
        "name = 'it''s'",
        "\"name\" >= 'M'",
        "S_CROSSES(geometry, LINESTRING(12.83 45.48, 12.86 45.51))",
        "S_INTERSECTS(geometry, MULTILINESTRING((12.83 45.48, 12.86 45.51), (12.83 45.51, 12.86 45.48)))",
        "S_DISJOINT(geometry, POLYGON((12.83 45.48, 12.85 45.48, 12.85 45.5, 12.83 45.48)))",
        "true",
    ],
    "parcels": [
        "S_INTERSECTS(geometry, POINT(12.8445 45.4949))",
        "S_INTERSECTS(geometry, MULTIPOINT(12.8445 45.4949, 12.8455 45.4959))",
        "S_INTERSECTS(geometry, BBOX(12.84, 45.49, 12.845, 45.495))",
        "S_WITHIN(geometry, BBOX(12.84, 45.49, 12.85, 45.5))",
        "S_CONTAINS(geometry, POINT(12.8445 45.4949))",
        "S_TOUCHES(geometry, POINT(12.8445 45.4949)) OR S_EQUALS(geometry, POINT(1 2))",
        "S_OVERLAPS(geometry, POLYGON((12.84 45.49, 12.85 45.49, 12.85 45.5, 12.84 45.49)))",
        "S_INTERSECTS(geometry, MULTIPOLYGON(((12.84 45.49, 12.85 45.49, 12.85 45.5, 12.84 45.49)), ((0 0, 1 0, 1 1, 0 0))))",
        "S_INTERSECTS(geometry, GEOMETRYCOLLECTION(POINT(12.8445 45.4949), LINESTRING(12.84 45.49, 12.85 45.5)))",
        "S_INTERSECTS(BBOX(-180, -90, 180, 90), geometry) AND sheet = 12",
        "kind = 'parcel' AND area_m2 > 100 AND S_INTERSECTS(geometry, BBOX(12.84, 45.49, 12.85, 45.5))",
        "sheet * 100 + 1 >= 1201 AND 'a' < 'b'",
    ],
    "zoning": [
        "valid_from > DATE('2015-01-01')",
        "valid_from <= DATE('2015-01-01') OR valid_to IS NULL",
        "T_AFTER(valid_from, DATE('2010-01-01'))",
        "T_BEFORE(valid_from, TIMESTAMP('2020-01-01T00:00:00Z'))",
        "T_INTERSECTS(INTERVAL(valid_from, '..'), INTERVAL('2012-01-01', '2013-12-31'))",
        "T_DURING(INTERVAL(valid_from, '2030-01-01'), INTERVAL('2000-01-01', '2040-12-31'))",
        "T_DISJOINT(valid_from, INTERVAL('..', '2005-01-01'))",
        "T_EQUALS(valid_from, valid_from)",
        "T_CONTAINS(INTERVAL('2000-01-01', '..'), INTERVAL(valid_from, '2030-01-01'))",
        "T_OVERLAPS(INTERVAL(valid_from, '2030-01-01'), INTERVAL('2020-01-01', '2040-12-31'))",
        "T_MEETS(INTERVAL('2000-01-01', '2012-01-01'), INTERVAL(valid_from, '2030-01-01')) OR T_METBY(valid_from, DATE('2012-01-01'))",
        "T_STARTS(INTERVAL(valid_from, '2030-01-01'), INTERVAL('2012-01-01', '2040-12-31'))",
        "T_FINISHES(INTERVAL(valid_from, '2030-01-01'), INTERVAL('2000-01-01', '2030-01-01'))",
    ],
}


def select(url, layer, **query):
    query = urllib.parse.urlencode({"limit": 10000, "skipGeometry": "true", **query})
    with urllib.request.urlopen(f"{url}/collections/{layer}/items?{query}", timeout=60) as answer:
        return {it["id"] for it in json.load(answer)["features"]}


def main(url):
    count = selected = 0
    for layer, filters in FILTERS.items():
        for text in filters:
            other = cql2.parse_text(text)
            ours = select(url, layer, filter=text)
            by_json = select(url, layer, filter=json.dumps(other.to_json()), **{"filter-lang": "cql2-json"})
            # It writes the operator as a function.
            by_text = select(url, layer, filter=other.to_text()) if " div " not in text else ours
            assert ours == by_json, f"{text} as {other.to_json()}: {len(by_json)} instead of {len(ours)}"
            assert ours == by_text, f"{text} as {other.to_text()}: {len(by_text)} instead of {len(ours)}"
            count, selected = count + 1, selected + bool(ours)
    assert selected > count // 2, f"only {selected} of {count} select something"
    print(f"cql2: {count} filters, each as it is written and as another parser writes it as JSON and as text; {selected} select something")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
