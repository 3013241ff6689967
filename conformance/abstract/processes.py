"""OGC API Processes 1 (18-062r2, 1.0). Where its annex has no test for a class (Dismiss), each requirement lends its name."""

import base64
import contextlib
import http.server
import json
import queue
import re
import threading
import time

from .features import core as features, oas30 as described
from .suite import equal, skip, tests_of
from .world import link, links

PROCESSES = "http://www.opengis.net/def/rel/ogc/1.0/processes"
EXECUTE = "http://www.opengis.net/def/rel/ogc/1.0/execute"
RESULTS = "http://www.opengis.net/def/rel/ogc/1.0/results"
ERRORS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/"
NOBODY = "00000000-0000-4000-8000-000000000000"

core = tests_of("ogcapi-processes-1/1.0/conf/core")
for theirs, ours in (
    ("http", "http"),
    ("landingpage-op", "root-op"),
    ("landingpage-success", "root-success"),
    ("api-definition-op", "api-definition-op"),
    ("api-definition-success", "api-definition-success"),
    ("conformance-op", "conformance-op"),
):
    core(theirs)(features.of(ours))


def listed(world, **query):
    return world.get("/processes", query).expect(200).json()


def one(world, process="zones"):
    return world.get(f"/processes/{process}").expect(200).json()


def parcel(world):
    """A reference that means one parcel."""
    for feature in world.features("parcels"):
        if feature["properties"].get("kind", "parcel") == "parcel":
            return feature["properties"]["national_ref"]
    raise AssertionError("no parcel")


def execute(world, inputs, process="zones", prefer=None, **body):
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if prefer:
        headers["Prefer"] = prefer
    if world.token:
        headers["Authorization"] = f"Bearer {world.token}"
    body = json.dumps({"inputs": inputs, **body})
    return world.send("POST", f"/processes/{process}/execution", headers=headers, body=body)


def question(world):
    return {"parcel": parcel(world), "layers": ["zoning", "districts"]}


def plain(world):
    """The answer of the path beside the process: what has to come out."""
    asked = question(world)
    return world.get("/zones", {"parcel": asked["parcel"], "layers": ",".join(asked["layers"])}).expect(200).json()


def begun(world, inputs, **options):
    answer = execute(world, inputs, prefer="respond-async", **options).expect(201)
    job = answer.json()
    equal(answer.headers["location"], f"{world.url}/jobs/{job['jobID']}")
    return job


def ended(world, job):
    for _ in range(2000):
        status = world.get(f"/jobs/{job['jobID']}").expect(200).json()
        if status["status"] not in ("accepted", "running"):
            return status
        time.sleep(0.01)
    raise AssertionError("the job has no end")


def problem(answer, status, kind):
    equal(answer.expect(status).json()["type"], ERRORS + kind)


@core("conformance-success")
def _(world):
    for name in ("core", "ogc-process-description", "json", "html", "oas30", "job-list", "callback", "dismiss"):
        assert f"http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/{name}" in world.classes, name


@core("process-list")
def _(world):
    world.operation("/processes")
    found = [it["id"] for it in listed(world)["processes"]]
    assert found and len(found) == len(set(found)), found
    equal(link(world.landing, PROCESSES).split("?")[0], f"{world.url}/processes")


@core("pl-limit-definition")
def _(world):
    parameter = next(it for it in world.operation("/processes")["parameters"] if it.get("name") == "limit")
    equal((parameter["in"], parameter["required"], parameter["schema"]["type"]), ("query", False, "integer"))
    assert parameter["schema"]["minimum"] >= 1


@core("pl-limit-response")
def _(world):
    for limit in (1, 2, 1000):
        equal(len(listed(world, limit=limit)["processes"]), min(limit, len(listed(world)["processes"])))


@core("process-list-success")
def _(world):
    for it in listed(world)["processes"]:
        assert it["id"] and it["version"] and it["jobControlOptions"] and it["outputTransmission"], it


@core("pl-links")
def _(world):
    told = listed(world)
    assert links(told, "self") and links(told, "alternate"), told["links"]
    assert all(it["rel"] and it["type"] for it in told["links"]), told["links"]


@core("process-summary-links")
def _(world):
    for it in listed(world)["processes"]:
        equal(world.get(link(it, "self")).expect(200).json()["id"], it["id"])


@core("process")
def _(world):
    world.operation("/processes/{processId}")
    for it in listed(world)["processes"]:
        one(world, it["id"])


@core("process-success")
def _(world):
    for it in listed(world)["processes"]:
        told = one(world, it["id"])
        equal(told["id"], it["id"])
        assert told["inputs"] and told["outputs"], told


@core("process-exception-no-such-process")
def _(world):
    problem(world.get("/processes/no-such-process"), 404, "no-such-process")
    problem(execute(world, {}, process="no-such-process"), 404, "no-such-process")


@core("job-creation-op")
def _(world):
    operation = world.operation("/processes/{processId}/execution", "post")
    assert {"200", "201"} <= set(operation["responses"]), operation["responses"].keys()
    for it in listed(world)["processes"]:
        equal(link(one(world, it["id"]), EXECUTE), f"{world.url}/processes/{it['id']}/execution")


@core("job-creation-request")
def _(world):
    assert "application/json" in world.operation("/processes/{processId}/execution", "post")["requestBody"]["content"]
    execute(world, question(world)).expect(200)
    for body in ("", "[]", "{", '{"inputs": 1}', '{"input": {}}'):
        headers = {"Content-Type": "application/json"}
        world.send("POST", "/processes/zones/execution", headers=headers, body=body).expect(400)


@core("job-creation-auto-execution-mode")
def _(world):
    """Without preference both ways are open, and the answer comes at once."""
    assert {"sync-execute", "async-execute"} <= set(one(world)["jobControlOptions"])
    execute(world, question(world)).expect(200)


@core("job-creation-default-execution-mode")
def _(world):
    execute(world, question(world)).expect(200)
    answer = execute(world, question(world), prefer="respond-async").expect(201)
    equal(answer.headers["preference-applied"], "respond-async")


@core("job-creation-inputs")
def _(world):
    equal(execute(world, question(world)).expect(200).json(), plain(world))


@core("job-creation-input-inline")
def _(world):
    asked = question(world)
    asked["parcel"] = {"value": asked["parcel"]}
    equal(execute(world, asked).expect(200).json(), plain(world))


@core("job-creation-input-ref")
def _(world):
    """Nothing is fetched for others, which could make the server ask its own network: references hold what they refer to."""
    asked = question(world)
    asked["parcel"] = {"href": "data:text/plain;base64," + base64.b64encode(asked["parcel"].encode()).decode()}
    equal(execute(world, asked).expect(200).json(), plain(world))
    execute(world, {"parcel": {"href": "http://127.0.0.1/"}}).expect(400)


@core("job-creation-input-array")
def _(world):
    both = [it["properties"]["national_ref"] for it in world.features("parcels") if it["properties"].get("kind") == "parcel"][:2]
    told = execute(world, {"parcels": both}, process="planning-certificate", outputs={"certificate": {}}).expect(200).json()
    equal([it["parcel"] for it in told["certificates"]], both)


@core("job-creation-input-inline-object")
def _(world):
    geometry = next(iter(world.features("addresses")))["geometry"]
    for inputs in ({"geometry": geometry}, {"geometry": {"value": geometry, "mediaType": "application/geo+json"}}):
        told = execute(world, {**inputs, "layers": ["districts"]}).expect(200).json()
        equal(told["place"]["kind"], "point")


@core("job-creation-input-inline-mixed")
def _(world):
    """A geometry is an object or a text, as its schema says."""
    x, y = next(iter(world.features("addresses")))["geometry"]["coordinates"]
    said = [{"type": "Point", "coordinates": [x, y]}, f"POINT ({x} {y})"]
    told = [execute(world, {"geometry": it, "layers": ["districts"]}).expect(200).json()["layers"] for it in said]
    equal(told[0], told[1])


@core("job-creation-input-inline-binary")
def _():
    skip("no process takes binary values")


@core("job-creation-input-inline-bbox")
def _():
    skip("no process takes a box")


@core("job-creation-input-validation")
def _(world):
    for inputs in ({}, {"parcel": 1}, {"x": "east", "y": 1}, {"no-such-input": 1}, {"parcel": "99999/1", "x": 1, "y": 2}):
        execute(world, inputs).expect(400)


@core("job-creation-default-outputs")
def _(world):
    for process, inputs in (("zones", question(world)), ("planning-certificate", {"parcels": [parcel(world)]})):
        told = execute(world, inputs, process=process, response="document").expect(200).json()
        equal(set(told), set(one(world, process)["outputs"]), process)


@core("job-creation-success-sync-raw-value-one")
def _(world):
    for output in one(world, "planning-certificate")["outputs"].items():
        name, about = output
        answer = execute(world, {"parcels": [parcel(world)]}, process="planning-certificate", outputs={name: {}}, response="raw")
        equal(answer.expect(200).kind, about["schema"]["contentMediaType"], name)
        assert answer.body, name


@core("job-creation-success-sync-raw-value-multi")
def _(world):
    outputs = {"certificate": {}, "pdf": {}, "page": {}}
    answer = execute(world, {"parcels": [parcel(world)]}, process="planning-certificate", outputs=outputs, response="raw").expect(200)
    equal(answer.kind, "multipart/related")
    boundary = re.search(r"boundary=(\S+)", answer.headers["content-type"])[1].encode()
    parts = answer.body.split(b"--" + boundary)[1:-1]
    names = [re.search(rb"Content-ID: <(.+?)>", part)[1].decode() for part in parts]
    equal(set(names), set(outputs))
    assert next(part for part, name in zip(parts, names) if name == "pdf").split(b"\r\n\r\n", 1)[1].startswith(b"%PDF")


@core("job-creation-success-sync-raw-ref")
def _():
    skip("outputs are transmitted by value only, as outputTransmission says")


@core("job-creation-success-sync-raw-mixed-multi")
def _():
    skip("outputs are transmitted by value only, as outputTransmission says")


@core("job-creation-success-sync-document")
def _(world):
    told = execute(world, question(world), response="document").expect(200).json()
    equal(told, {"zones": plain(world)})


@core("job-creation-success-async")
def _(world):
    job = begun(world, question(world))
    assert job["status"] in ("accepted", "running", "successful") and job["type"] == "process", job
    equal(job["processID"], "zones")


@core("job-op")
def _(world):
    world.operation("/jobs/{jobId}")
    world.get(f"/jobs/{begun(world, question(world))['jobID']}").expect(200)


@core("job-success")
def _(world):
    status = ended(world, begun(world, question(world)))
    equal((status["status"], status["progress"]), ("successful", 100))
    assert status["created"] <= status["started"] <= status["finished"], status
    assert links(status, RESULTS), status


@core("job-exception-no-such-job")
def _(world):
    problem(world.get(f"/jobs/{NOBODY}"), 404, "no-such-job")


@core("job-results")
def _(world):
    world.operation("/jobs/{jobId}/results")
    job = begun(world, question(world))
    status = ended(world, job)
    equal(link(status, RESULTS), f"{world.url}/jobs/{job['jobID']}/results")


@core("job-results-success-async-raw-value-one")
def _(world):
    job = begun(world, question(world), response="raw")
    ended(world, job)
    equal(world.get(f"/jobs/{job['jobID']}/results").expect(200).json(), plain(world))


@core("job-results-success-async-raw-value-multi")
def _(world):
    job = begun(world, {"parcels": [parcel(world)]}, process="planning-certificate", response="raw")
    ended(world, job)
    equal(world.get(f"/jobs/{job['jobID']}/results", accept="*/*").expect(200).kind, "multipart/related")


@core("job-results-success-async-raw-ref")
def _():
    skip("outputs are transmitted by value only, as outputTransmission says")


@core("job-results-success-async-raw-mixed-multi")
def _():
    skip("outputs are transmitted by value only, as outputTransmission says")


@core("job-results-success-async-document")
def _(world):
    job = begun(world, question(world), response="document")
    ended(world, job)
    equal(world.get(f"/jobs/{job['jobID']}/results").expect(200).json(), {"zones": plain(world)})


@core("job-results-exception-no-such-job")
def _(world):
    problem(world.get(f"/jobs/{NOBODY}/results"), 404, "no-such-job")


@core("job-results-exception-results-not-ready")
def _(world):
    """Many parcels take a while; whoever is quick enough is told to come back."""
    all_of_them = [it["properties"]["national_ref"] for it in world.features("parcels") if it["properties"].get("kind") == "parcel"][:900]
    job = begun(world, {"parcels": all_of_them}, process="planning-certificate")
    answer = world.get(f"/jobs/{job['jobID']}/results", accept="*/*")
    world.send("DELETE", f"/jobs/{job['jobID']}").expect(200)
    if answer.status == 200:
        skip("the job had ended already")
    problem(answer, 404, "result-not-ready")


@core("job-results-failed")
def _(world):
    job = begun(world, {"parcel": "9999/99999"})
    status = ended(world, job)
    equal(status["status"], "failed")
    answer = world.get(f"/jobs/{job['jobID']}/results").expect(404)
    equal(answer.json()["detail"], status["message"])


description = tests_of("ogcapi-processes-1/1.0/conf/ogc-process-description")


def each(world):
    return [one(world, it["id"]) for it in listed(world)["processes"]]


@description("json-encoding")
def _(world):
    for it in listed(world)["processes"]:
        equal(world.get(f"/processes/{it['id']}").expect(200).kind, "application/json")


@description("inputs-def")
def _(world):
    for told in each(world):
        assert isinstance(told["inputs"], dict) and all(isinstance(it, dict) for it in told["inputs"].values()), told["id"]


@description("input-def")
def _(world):
    for told in each(world):
        for name, it in told["inputs"].items():
            assert it["title"] and it["schema"] and it["minOccurs"] in (0, 1), (told["id"], name)


@description("input-mixed-type")
def _(world):
    """A geometry may be an object or a text."""
    said = one(world)["inputs"]["geometry"]["schema"]
    equal({it["type"] for it in said["oneOf"]}, {"object", "string"})


@description("outputs-def")
def _(world):
    for told in each(world):
        assert isinstance(told["outputs"], dict) and told["outputs"], told["id"]


@description("output-def")
def _(world):
    for told in each(world):
        for name, it in told["outputs"].items():
            assert it["title"] and it["schema"]["type"], (told["id"], name)


@description("output-mixed-type")
def _():
    skip("each output is of one type")


jsons = tests_of("ogcapi-processes-1/1.0/conf/json")


@jsons("definition")
def _(world):
    for path in ("/", "/conformance", "/processes", "/processes/{processId}", "/jobs", "/jobs/{jobId}"):
        assert "application/json" in world.operation(path)["responses"]["200"]["content"], path


@jsons("content")
def _(world):
    for path in ("/", "/conformance", "/processes", "/processes/zones"):
        answer = world.get(path).expect(200)
        equal(answer.kind, "application/json", path)
        answer.json()


html = tests_of("ogcapi-processes-1/1.0/conf/html")


@html("definition")
def _(world):
    for path in ("/", "/conformance", "/processes", "/processes/{processId}", "/jobs", "/jobs/{jobId}"):
        assert "text/html" in world.operation(path)["responses"]["200"]["content"], path


@html("content")
def _(world):
    job = begun(world, question(world))
    for path in ("/conformance", "/processes", "/processes/zones", f"/jobs/{job['jobID']}"):
        answer = world.get(path, accept="text/html").expect(200)
        equal(answer.kind, "text/html", path)
        assert b"<!DOCTYPE html>" in answer.body, path


oas = tests_of("ogcapi-processes-1/1.0/conf/oas30")
for name in described.names():
    oas(name)(described.of(name))

job_list = tests_of("ogcapi-processes-1/1.0/conf/job-list")


def jobs(world, **query):
    if not world.token:
        skip("jobs are listed for the staff")
    query.setdefault("limit", 1000)
    answer = world.get("/jobs", query, **{"Authorization": f"Bearer {world.token}"})
    return answer.expect(200).json()["jobs"]


def parameter(world, name):
    return next(it for it in world.operation("/jobs")["parameters"] if it.get("name") == name)


@job_list("job-list-op")
def _(world):
    world.operation("/jobs")
    job = begun(world, question(world))
    assert job["jobID"] in [it["jobID"] for it in jobs(world)]


for given, kind in (("type", "array"), ("processID", "array"), ("status", "array"), ("datetime", "string"), ("limit", "integer")):

    @job_list(f"{given.lower()}-definition")
    def _(world, given=given, kind=kind):
        said = parameter(world, given)
        equal((said["in"], said["required"], said["schema"]["type"]), ("query", False, kind), given)


@job_list("duration-definition")
def _(world):
    for name in ("minDuration", "maxDuration"):
        said = parameter(world, name)
        equal((said["in"], said["required"], said["schema"]["type"]), ("query", False, "integer"), name)


@job_list("type-response")
def _(world):
    assert all(it["type"] == "process" for it in jobs(world, type="process"))


@job_list("processid-mandatory")
def _(world):
    begun(world, question(world))
    assert all(it["processID"] for it in jobs(world))


@job_list("processid-response")
def _(world):
    begun(world, question(world))
    found = jobs(world, processID="zones")
    assert found and all(it["processID"] == "zones" for it in found)
    equal({it["jobID"] for it in found}, {it["jobID"] for it in jobs(world) if it["processID"] == "zones"})


@job_list("status-response")
def _(world):
    ended(world, begun(world, question(world)))
    found = jobs(world, status="successful")
    assert found and all(it["status"] == "successful" for it in found)


@job_list("datetime-response")
def _(world):
    job = begun(world, question(world))
    found = [it["jobID"] for it in jobs(world, datetime=job["created"])]
    assert job["jobID"] in found, found
    assert job["jobID"] not in [it["jobID"] for it in jobs(world, datetime="../2020-01-01T00:00:00Z")]


@job_list("duration-response")
def _(world):
    job = ended(world, begun(world, question(world)))
    assert job["jobID"] in [it["jobID"] for it in jobs(world, minDuration=0, maxDuration=3600)]
    equal(jobs(world, minDuration=100000), [])


@job_list("limit-response")
def _(world):
    for _ in range(3):
        begun(world, question(world))
    equal(len(jobs(world, limit=2)), 2)


@job_list("links")
def _(world):
    if not world.token:
        skip("jobs are listed for the staff")
    told = world.get("/jobs", **{"Authorization": f"Bearer {world.token}"}).expect(200).json()
    assert links(told, "self") and links(told, "alternate"), told["links"]


@job_list("job-list-success")
def _(world):
    begun(world, question(world))
    for it in jobs(world):
        assert {"jobID", "status", "type", "links"} <= set(it), it


callback = tests_of("ogcapi-processes-1/1.0/conf/callback")


@contextlib.contextmanager
def listener():
    """A program that is told of outcomes: its address, and what it was told as (path, document)."""
    heard = queue.Queue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.put((self.path, json.loads(body)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        server.server_close()


@callback("job-callback")
def _(world):
    if not world.token:
        skip("who wants to be told shows a token")
    with listener() as (url, heard):
        told = {"successUri": f"{url}/good", "failedUri": f"{url}/bad", "inProgressUri": f"{url}/meanwhile"}
        job = execute(world, question(world), response="document", subscriber=told).expect(201).json()
        path, document = heard.get(timeout=20)
        equal(path, "/good")
        equal(document, world.get(f"/jobs/{job['jobID']}/results").expect(200).json())
        wrong = {"parcel": "ZZ", "layers": ["zoning"]}
        execute(world, wrong, subscriber=told).expect(201)
        path, document = heard.get(timeout=20)
        equal(path, "/bad")
        assert {"type", "title", "status", "detail"} <= set(document), document


dismiss = tests_of("ogcapi-processes-1/1.0/conf/dismiss")


@dismiss("job-dismiss-op")
def _(world):
    world.operation("/jobs/{jobId}", "delete")
    job = begun(world, question(world))
    world.send("DELETE", f"/jobs/{job['jobID']}").expect(200)


@dismiss("job-dismiss-success")
def _(world):
    job = begun(world, question(world))
    told = world.send("DELETE", f"/jobs/{job['jobID']}").expect(200).json()
    equal((told["jobID"], told["status"]), (job["jobID"], "dismissed"))
    problem(world.get(f"/jobs/{job['jobID']}"), 404, "no-such-job")
    problem(world.send("DELETE", f"/jobs/{NOBODY}"), 404, "no-such-job")
