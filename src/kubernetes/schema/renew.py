#!/usr/bin/env python3
"""Writes built-in.txt from the models of Kubernetes' Python client.

    pip download --no-deps kubernetes && unzip -q kubernetes-*.whl -d client
    python3 src/kubernetes/schema/renew.py client/kubernetes/client/models > src/kubernetes/schema/built-in.txt

The client is generated from the OpenAPI document that Kubernetes publishes. It does not tell quantities from other
texts, so QUANTITIES lists their fields.
"""
import pathlib, re, sys

folder = pathlib.Path(sys.argv[1])
KINDS = [
    ("v1", "Pod Service ServiceAccount ConfigMap Secret Namespace PersistentVolumeClaim PersistentVolume ResourceQuota LimitRange PodTemplate ReplicationController Endpoints"),
    ("apps/v1", "Deployment StatefulSet DaemonSet ReplicaSet"),
    ("batch/v1", "Job CronJob"),
    ("networking.k8s.io/v1", "Ingress IngressClass NetworkPolicy"),
    ("autoscaling/v1", "HorizontalPodAutoscaler"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
    ("rbac.authorization.k8s.io/v1", "Role RoleBinding ClusterRole ClusterRoleBinding"),
    ("scheduling.k8s.io/v1", "PriorityClass"),
    ("storage.k8s.io/v1", "StorageClass"),
]
QUANTITIES = {"limits", "requests", "capacity", "hard", "overhead", "default", "defaultRequest", "max", "min", "maxLimitRequestRatio", "sizeLimit", "divisor", "averageValue"}
# required by the document, but the server fills in an empty value
NOT_REQUIRED = {("V1HTTPHeader", "value"), ("V1NetworkPolicySpec", "podSelector"), ("V1ResourceQuotaSpec", "hard")}
REQUIRED = {("V1Container", "image"), ("V1PodTemplateSpec", "spec")}
OPEN = {"status", "managedFields"}  # written by the cluster


def snake(name):
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


files = {}
for path in folder.glob("*.py"):
    match = re.search(r"^class (\w+)\(", path.read_text(), re.M)
    for name in re.findall(r"^class (\w+)\(", path.read_text(), re.M):
        files[name] = path


def shape(text, owner, field):
    text = text.strip()
    if "StrictInt | StrictStr" in text or "StrictStr | StrictInt" in text:
        return "p"
    if text.startswith("Optional["):
        return shape(text[9:-1], owner, field)
    if text.startswith(("List[", "list[")):
        return "[" + shape(text[5:-1], owner, field) + "]"
    if text.startswith(("Dict[str,", "dict[str,")):
        return "{" + shape(text[9:-1], owner, field) + "}"
    if text.startswith("Union[Annotated[bytes"):
        return "s"
    if text in ("StrictStr", "str", "datetime"):
        quantity = field in QUANTITIES or (field == "value" and owner.startswith("V2Metric"))
        return "q" if quantity else "s"
    if text == "StrictInt":
        return "i"
    if text == "StrictBool":
        return "b"
    if "StrictFloat" in text:
        return "n"
    if text in files:
        todo.append(text)
        return text
    return "*"


todo, done, kinds = [], {}, []
for version, names in KINDS:
    prefix = version.split("/")[-1].capitalize()
    for name in names.split():
        kinds.append(f"{version} {name} {prefix}{name}")
        todo.append(prefix + name)
while todo:
    name = todo.pop()
    if name in done:
        continue
    done[name] = []
    body = files[name].read_text().split(f"class {name}(", 1)[1].split("openapi_types:", 1)[0]
    for line in body.splitlines():
        match = re.match(r"    (\w+): (.+?)(?: = (.*))?$", line)
        if not match:
            continue
        alias = re.search(r'serialization_alias="([^"]+)"', line)
        field = alias[1] if alias else match[1]
        required = not match[2].startswith("Optional[")
        required = required and (name, field) not in NOT_REQUIRED or (name, field) in REQUIRED
        kind = "*" if field in OPEN else shape(match[2], name, field)
        done[name].append(field + ("!" if required else "") + ":" + kind)
release = re.search(r"release-(\S+)", files["V1Pod"].read_text())[1]
print(f"# Kubernetes {release}; made by renew.py")
for line in kinds:
    print("kind", line)
for name in sorted(done):
    print(name, *sorted(done[name]))
