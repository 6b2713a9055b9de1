"""What can be checked of instructor/hub without a cluster: settings, sums, links, and what the guide says of them."""

import re
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "instructor" / "hub"))
import cost  # noqa: E402

GUIDE = (ROOT / "book" / "appendix" / "instructor_guide.md").read_text(encoding="utf-8")

# The settings that the values files use, and their types, as jupyterhub/values.schema.yaml of the chart has them
# (zero-to-jupyterhub-k8s, commit 02dd73d). Below an entry of type dict or list the chart takes anything.
SCHEMA = {
    "hub.activeServerLimit": int,
    "hub.concurrentSpawnLimit": int,
    "hub.config": dict,
    "hub.networkPolicy.enabled": bool,
    "hub.resources": dict,
    "proxy.chp.networkPolicy.enabled": bool,
    "proxy.chp.resources": dict,
    "proxy.https.enabled": bool,
    "proxy.https.hosts": list,
    "proxy.https.letsencrypt.contactEmail": str,
    "proxy.https.type": ("letsencrypt", "manual", "offload", "secret"),
    "singleuser.allowPrivilegeEscalation": bool,
    "singleuser.cloudMetadata.blockWithIptables": bool,
    "singleuser.cloudMetadata.ip": str,
    "singleuser.cpu.guarantee": (int, float),
    "singleuser.cpu.limit": (int, float),
    "singleuser.defaultUrl": str,
    "singleuser.extraEnv": dict,
    "singleuser.extraFiles.jupyter.data": dict,
    "singleuser.extraFiles.jupyter.mountPath": str,
    "singleuser.image.name": str,
    "singleuser.image.pullPolicy": ("IfNotPresent", "Always", "Never"),
    "singleuser.image.tag": str,
    "singleuser.memory.guarantee": (int, float, str),
    "singleuser.memory.limit": (int, float, str),
    "singleuser.networkPolicy.egress": list,
    "singleuser.networkPolicy.egressAllowRules.cloudMetadataServer": bool,
    "singleuser.networkPolicy.egressAllowRules.dnsPortsCloudMetadataServer": bool,
    "singleuser.networkPolicy.egressAllowRules.dnsPortsKubeSystemNamespace": bool,
    "singleuser.networkPolicy.egressAllowRules.dnsPortsPrivateIPs": bool,
    "singleuser.networkPolicy.egressAllowRules.nonPrivateIPs": bool,
    "singleuser.networkPolicy.egressAllowRules.privateIPs": bool,
    "singleuser.networkPolicy.enabled": bool,
    "singleuser.startTimeout": int,
    "singleuser.storage.capacity": str,
    "singleuser.storage.homeMountPath": str,
    "singleuser.storage.static.pvcName": str,
    "singleuser.storage.static.subPath": str,
    "singleuser.storage.type": ("dynamic", "static", "none"),
    "cull.enabled": bool,
    "cull.every": int,
    "cull.maxAge": int,
    "cull.timeout": int,
    "cull.users": bool,
    "prePuller.continuous.enabled": bool,
    "prePuller.hook.enabled": bool,
    "scheduling.podPriority.enabled": bool,
    "scheduling.userPlaceholder.enabled": bool,
    "scheduling.userPlaceholder.replicas": int,
    "scheduling.userPods.nodeAffinity.matchNodePurpose": ("ignore", "prefer", "require"),
    "scheduling.userScheduler.enabled": bool,
}


def settings(values, path=""):
    """Yield the path and the value of each setting."""
    for key, value in values.items():
        here = f"{path}.{key}".lstrip(".")
        if isinstance(value, dict) and here not in SCHEMA:
            yield from settings(value, here)
        else:
            yield here, value


@pytest.fixture(params=cost.CLASSES)
def students(request):
    return request.param


def test_the_chart_knows_each_setting_and_its_type(students):
    for path, value in settings(cost.values(students)):
        wanted = SCHEMA[path]
        if isinstance(wanted, tuple) and isinstance(wanted[0], str):
            assert value in wanted, path
        else:
            assert isinstance(value, wanted), path
            assert wanted is bool or not isinstance(value, bool), path


def test_guarantees_do_not_exceed_limits(students):
    singleuser = cost.values(students)["singleuser"]
    assert singleuser["cpu"]["guarantee"] <= singleuser["cpu"]["limit"]
    assert cost.gib(singleuser["memory"]["guarantee"]) <= cost.gib(singleuser["memory"]["limit"])


def test_as_many_servers_as_the_busiest_hour_needs_and_a_fifth_more(students):
    assert cost.values(students)["hub"]["activeServerLimit"] == pytest.approx(1.2 * cost.CLASSES[students])


def test_a_student_reaches_the_names_and_the_repository_and_nothing_else(students):
    policy = cost.values(students)["singleuser"]["networkPolicy"]
    allowed = {name for name, yes in policy["egressAllowRules"].items() if yes}
    assert policy["enabled"]
    assert allowed == {"dnsPortsKubeSystemNamespace", "dnsPortsPrivateIPs"}
    assert all(rule["ports"] == [{"protocol": "TCP", "port": 443}] and rule["to"] for rule in policy["egress"])


def test_the_image_holds_nothing_that_students_must_not_see():
    lines = (ROOT / "instructor" / "hub" / "Dockerfile").read_text().splitlines()
    copied = {name for line in lines if line.startswith("COPY") for name in line.split()[1:-1]}
    assert copied == {"pyproject.toml", "README.md", "LICENSE", "mnist_helpers", "experiments/results"}
    assert all((ROOT / name).exists() for name in copied)


def test_the_guide_prints_what_the_arithmetic_gives():
    for line in cost.table(cost.Assumptions()):
        assert line in GUIDE


def test_the_link_in_the_guide_is_as_nbgitpuller_reads_it():
    link = urlsplit(re.search(r"https://hub\.example\.org/\S+", GUIDE)[0])
    query = parse_qs(link.query, strict_parsing=True)
    assert link.path == "/hub/user-redirect/git-pull"
    assert query == {
        "repo": ["https://github.com/your-account/softmax-from-scratch"],
        "branch": ["student"],
        "urlpath": ["lab/tree/softmax-from-scratch/exercises/02_softmax.ipynb?autodecode"],
    }


def test_sizes():
    assert [cost.gib(text) for text in ("512M", "1G", "2Gi", "1024Ki")] == [0.5, 1, 2, 1 / 1024]


def test_helm_lays_values_over_each_other():
    assert cost.merged({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 3}, "d": [2]}) == {
        "a": {"b": 3, "c": 2},
        "d": [2],
    }
