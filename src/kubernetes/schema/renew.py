#!/usr/bin/env python3
"""Writes the packed schemas of this folder from what Kubernetes and the projects publish.

    renew.py built-in SPECS API    # writes built-in.gz
    renew.py custom CRDS           # writes custom.gz

SPECS holds a folder for each release of Kubernetes (`1.25`, …) with its `swagger.json`: the file
`api/openapi-spec/swagger.json` of the Go module `k8s.io/kubernetes`. API is the Go module `k8s.io/api` of the newest
release: it tells which values a field takes, and when an API was deprecated and removed. Get both with

    go mod download -json k8s.io/kubernetes@v1.37.2     # prints the folder as "Dir"
    go mod download -json k8s.io/api@v0.37.2

CRDS holds a folder `PROJECT/VERSION` for each release in RELEASES, with the CustomResourceDefinitions of that release
(see its comment for their place in the repository).

The output is a gzip file of lines. `kind VERSION KIND TYPE SINCE UNTIL` names a kind, `life VERSION KIND DEPRECATED
REMOVED REPLACEMENT` says since which minor version a kind is deprecated and no longer served, and each `type` line is
a JSON schema; `$ref` is the number of a type. The schemas have OpenAPI's keywords, without descriptions, and
`x-since` and `x-until` for the releases of Kubernetes that have a field.
"""
import gzip, json, pathlib, re, sys

# Where each project keeps its CustomResourceDefinitions. Of several releases, the first one with a version of a kind
# describes it; the older ones are for versions that the newest release no longer has.
RELEASES = {
    "argo-cd": ["v3.5.1"],  # manifests/crds
    "argo-rollouts": ["v1.9.1"],  # manifests/crds
    "cert-manager": ["v1.21.2"],  # deploy/crds
    "external-secrets": ["v2.9.0", "v0.9.20"],  # config/crds/bases
    "gateway-api": ["v1.6.1", "v1.1.0", "v0.8.0"],  # config/crd; the experimental channel has more fields
    "helm-controller": ["v1.6.3", "v1.0.1", "v0.37.4"],  # config/crd/bases, as for Flux' other controllers
    "image-automation-controller": ["v1.2.1", "v0.38.0"],
    "image-reflector-controller": ["v1.2.0", "v0.32.0"],
    "keda": ["v2.20.2"],  # config/crd/bases
    "kustomize-controller": ["v1.9.4", "v1.3.0", "v1.0.0"],
    "notification-controller": ["v1.9.3", "v1.3.0", "v1.0.0"],
    "prometheus-operator": ["v0.85.0"],  # example/prometheus-operator-crd
    "sealed-secrets": ["v0.40.0"],  # helm/sealed-secrets/crds
    "source-controller": ["v1.9.1", "v1.3.0", "v1.0.0"],
}
# The keywords that a check uses.
KEPT = {
    "type", "properties", "required", "items", "additionalProperties", "$ref", "format", "enum", "nullable", "pattern",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems",
    "maxItems", "uniqueItems", "minProperties", "maxProperties", "anyOf", "oneOf", "allOf", "not", "default",
    "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource",
    "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-since", "x-until",
}
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
# Types that are not what their definition says.
SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"format": "quantity"},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"x-kubernetes-int-or-string": True},
    "io.k8s.apimachinery.pkg.runtime.RawExtension": {},
    META + "Time": {"type": "string", "format": "date-time"},
    META + "MicroTime": {"type": "string", "format": "date-time"},
    META + "FieldsV1": {},
    META + "Patch": {},
    **{
        f"io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.{name}": {}
        for name in ("JSON", "JSONSchemaPropsOrArray", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrStringArray")
    },
}
# Required by the document, although the server fills in an empty value.
NOT_REQUIRED = {("HTTPHeader", "value"), ("ResourceQuotaSpec", "hard"), ("CustomResourceSubresourceScale", "*")}
# Required by the server, although not by the document.
REQUIRED = {"Container": ["image"], "PodTemplateSpec": ["spec"], "Job": ["spec"], "CronJob": ["spec"], "Pod": ["spec"]}
# Types whose values in Go are only the best known ones.
OPEN_ENUMS = re.compile(r"(ConditionType|FinalizerName|LimitType|ResourceName)$")
# APIs that were removed before the oldest release, and whose types are no longer in `k8s.io/api`: version, kind,
# deprecated, removed, replacement.
REMOVED = """
admissionregistration.k8s.io/v1beta1 MutatingWebhookConfiguration 16 22 admissionregistration.k8s.io/v1
admissionregistration.k8s.io/v1beta1 ValidatingWebhookConfiguration 16 22 admissionregistration.k8s.io/v1
apiextensions.k8s.io/v1beta1 CustomResourceDefinition 16 22 apiextensions.k8s.io/v1
apiregistration.k8s.io/v1beta1 APIService 19 22 apiregistration.k8s.io/v1
autoscaling/v2beta1 HorizontalPodAutoscaler 22 25 autoscaling/v2
autoscaling/v2beta2 HorizontalPodAutoscaler 23 26 autoscaling/v2
certificates.k8s.io/v1beta1 CertificateSigningRequest 19 22 certificates.k8s.io/v1
discovery.k8s.io/v1beta1 EndpointSlice 21 25 discovery.k8s.io/v1
extensions/v1beta1 NetworkPolicy 9 16 networking.k8s.io/v1
extensions/v1beta1 PodSecurityPolicy 10 16 -
policy/v1beta1 PodSecurityPolicy 21 25 -
scheduling.k8s.io/v1alpha1 PriorityClass 14 17 scheduling.k8s.io/v1
v1 Endpoints 33 0 discovery.k8s.io/v1/EndpointSlice
"""


def main():
    command, *folders = sys.argv[1:]
    folder = pathlib.Path(__file__).parent
    text = built_in(*map(pathlib.Path, folders)) if command == "built-in" else custom(pathlib.Path(folders[0]))
    with open(folder / f"{command}.gz", "wb") as file:
        # without a time, so that equal schemas give equal files
        with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=file, mtime=0) as packed:
            packed.write(text.encode())
    print(f"{command}: {len(text)} bytes", file=sys.stderr)


def compact(schema):
    return json.dumps(schema, separators=(",", ":"), sort_keys=True)


def kept(schema):
    """A schema with the keywords of KEPT only."""
    if isinstance(schema, bool):
        return schema
    result = {}
    for key, value in schema.items():
        if key == "properties":
            result[key] = {name: kept(one) for name, one in value.items()}
        elif key in ("items", "additionalProperties", "not"):
            result[key] = kept(value)
        elif key in ("anyOf", "oneOf", "allOf"):
            result[key] = [kept(one) for one in value]
        elif key == "default":
            result[key] = True  # only that there is one matters
        elif key in KEPT:
            result[key] = value
    return result


# ---- Kubernetes' own kinds ----


def built_in(specs, api):
    minors = sorted(int(path.name.removeprefix("v").split(".")[1]) for path in specs.iterdir() if path.is_dir())
    documents = {}
    for path in specs.iterdir():
        if path.is_dir():
            documents[int(path.name.split(".")[1])] = json.loads((path / "swagger.json").read_text())["definitions"]
    enums = values_of_types(api)
    kinds, types = {}, {}
    for minor in minors:
        for name, definition in documents[minor].items():
            for gvk in definition.get("x-kubernetes-group-version-kind", []):
                group, version, kind = gvk["group"], gvk["version"], gvk["kind"]
                if kind.endswith(("List", "Options")) or kind in ("WatchEvent", "Status", "Scale"):
                    continue
                key = (f"{group}/{version}".lstrip("/"), kind)
                kinds.setdefault(key, {"type": name, "minors": []})["type"] = name
                kinds[key]["minors"].append(minor)
    todo, done = {one["type"] for one in kinds.values()} | {META + "ObjectMeta"}, {}
    while todo:
        name = todo.pop()
        done[name] = merged(name, documents, minors, enums)
        todo |= references(done[name]) - done.keys()
    # the types of the server's metadata first, which the schemas of custom resources use
    names = sorted(done, key=lambda name: (name != META + "ObjectMeta", name))
    numbers = {name: number for number, name in enumerate(names)}
    lines = [f"releases {minors[0]} {minors[-1]}"]
    for (version, kind), one in sorted(kinds.items()):
        lines.append(f"kind {version} {kind} {numbers[one['type']]} {one['minors'][0]} {one['minors'][-1]}")
    lines += lives(api, kinds, minors)
    lines += ["type " + compact(numbered(done[name], numbers)) for name in names]
    return "\n".join(lines) + "\n"


def references(schema):
    found = set()
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            found.add(schema["$ref"])
        for value in schema.values():
            found |= references(value)
    elif isinstance(schema, list):
        for value in schema:
            found |= references(value)
    return found


def numbered(schema, numbers):
    if isinstance(schema, list):
        return [numbered(one, numbers) for one in schema]
    if not isinstance(schema, dict):
        return schema
    # `$ref` is also the name of a field
    return {
        key: numbers[value] if key == "$ref" and isinstance(value, str) else numbered(value, numbers)
        for key, value in schema.items()
    }


def merged(name, documents, minors, enums):
    """A type with the fields of every release; what a release requires is what the newest one does."""
    having = [minor for minor in minors if name in documents[minor]]
    newest = documents[having[-1]][name]
    short = name.rsplit(".", 1)[1]
    result = kept({key: value for key, value in newest.items() if key != "properties"})
    fields = {}
    for minor in having:
        for field, schema in documents[minor][name].get("properties", {}).items():
            fields.setdefault(field, {"minors": []})["schema"] = schema
            fields[field]["minors"].append(minor)
    if "properties" in newest:
        result["properties"] = {}
    for field, one in sorted(fields.items()):
        schema = resolved(kept(one["schema"]))
        if field in ("status", "managedFields"):
            schema = {}  # written by the cluster
        values = enums.get((name, field))
        if values:
            target = schema["items"] if "items" in schema else schema
            target["enum"] = values
        if one["minors"][0] != having[0]:
            schema["x-since"] = one["minors"][0]
        if one["minors"][-1] != having[-1]:
            schema["x-until"] = one["minors"][-1]
        result["properties"][field] = schema
    required = set(result.get("required", [])) | set(REQUIRED.get(short, []))
    required -= {field for owner, field in NOT_REQUIRED if owner == short}
    result["required"] = sorted(field for field in required if field not in ("status", "metadata"))
    if not result["required"]:
        del result["required"]
    return result


def resolved(schema):
    """A schema whose references are names of types, or what SPECIAL says in their place."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            name = schema["$ref"].removeprefix("#/definitions/")
            if name in SPECIAL:
                return dict(SPECIAL[name])
            return {"$ref": name}
        return {key: resolved(value) for key, value in schema.items()}
    return schema


def values_of_types(api):
    """The values of fields whose type in Go is marked `+enum`, by definition and field."""
    types, fields = {}, []
    for path in sorted(api.glob("*/*/types.go")):
        package = "/".join(path.relative_to(api).parts[:2])
        text = path.read_text()
        for block in re.finditer(r"((?:^//[^\n]*\n)+)type (\w+) string", text, re.M):
            if "+enum" in block[1] and not OPEN_ENUMS.search(block[2]):
                values = re.findall(rf'^\s*\w+\s+{block[2]}\s*=\s*"([^"]*)"', text, re.M)
                types[package, block[2]] = sorted(set(values) - {""})
        imports = {match[1] or match[2].split("/")[-1]: match[2] for match in re.finditer(r'^\s*(\w+)? ?"k8s\.io/api/(\w+/\w+)"', text, re.M)}
        for block in re.finditer(r"^type (\w+) struct \{\n(.*?)^\}", text, re.M | re.S):
            for line in re.finditer(r'^\t\w+\s+([\[\]*\w.]+)\s+`json:"(\w+)', block[2], re.M):
                go = line[1].lstrip("[]*")
                if "map[" in line[1]:
                    continue
                where = package
                if "." in go:
                    alias, go = go.split(".", 1)
                    where = imports.get(alias, alias)
                group, version = package.split("/")
                fields.append(((f"io.k8s.api.{group}.{version}.{block[1]}", line[2]), (where, go)))
    return {field: types[go] for field, go in fields if types.get(go)}


def lives(api, kinds, minors):
    """The lines about deprecated and removed APIs."""
    found = {}
    for line in REMOVED.split("\n"):
        if line:
            version, kind, deprecated, removed, replacement = line.split()
            found[version, kind] = (deprecated, removed, replacement)
    for path in sorted(api.glob("*/*/types.go")):
        text = path.read_text()
        groups = re.findall(r"^// \+groupName=(\S*)", (path.parent / "doc.go").read_text(), re.M)
        group = groups[0] if groups else path.parent.parent.name
        version = f"{group}/{path.parent.name}"
        for block in re.finditer(r"((?:^//[^\n]*\n|^\n)+)type (\w+) struct", text, re.M):
            tags = dict(re.findall(r"prerelease-lifecycle-gen:(\w+)=(\S+)", block[1]))
            if "introduced" not in tags or block[2].endswith("List"):
                continue
            if stable(version) and "deprecated" not in tags:
                continue
            minor = lambda text: int(text.split(".")[1])
            # what the tags do not say, the generator takes to be three releases later
            deprecated = minor(tags["deprecated"]) if "deprecated" in tags else minor(tags["introduced"]) + 3
            removed = minor(tags["removed"]) if "removed" in tags else deprecated + 3
            replacement = "-"
            if "replacement" in tags:
                group_, version_, kind_ = tags["replacement"].split(",")
                if kind_ == block[2]:
                    replacement = f"{group_}/{version_}".lstrip("/")
            if "deprecated" in tags or "removed" in tags:
                explicit = removed if "removed" in tags or not stable(version) else 0
                found[version, block[2]] = (deprecated, explicit, replacement)
    # what the documents say about served kinds is certain
    for (version, kind), one in kinds.items():
        last = one["minors"][-1]
        known = found.get((version, kind))
        if last < minors[-1]:
            group = version.rpartition("/")[0]
            newer = [o["minors"][0] for (v, k), o in kinds.items() if k == kind and v.rpartition("/")[0] == group and stable(v)]
            since = known[0] if known else min(newer + [last + 1])
            found[version, kind] = (since, last + 1, known[2] if known else "-")
        elif known and 0 < int(known[1]) <= minors[-1]:
            del found[version, kind]
    for (version, kind), (deprecated, removed, replacement) in found.items():
        group = version.rpartition("/")[0]
        newer = [v for v, k in kinds if k == kind and v.rpartition("/")[0] == group and stable(v)]
        if replacement == "-" and newer and newer[-1] != version:
            found[version, kind] = (deprecated, removed, newer[-1])
    return [f"life {version} {kind} {' '.join(map(str, facts))}" for (version, kind), facts in sorted(found.items())]


def stable(version):
    """True for `apps/v1` and `v1`, but not for `apps/v1beta1`."""
    return re.fullmatch(r"(.*/)?v\d+", version)


# ---- custom resources ----


def custom(folder):
    import yaml

    # `=` is a value of its own in YAML 1.1, but text for Kubernetes
    yaml.CSafeLoader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: node.value)
    kinds = {}
    for project, releases in RELEASES.items():
        for release in releases:
            for path in sorted((folder / project / release).rglob("*.yaml")):
                for crd in yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader):
                    if isinstance(crd, dict) and crd.get("kind") == "CustomResourceDefinition":
                        for version, kind, schema in versions_of(crd):
                            kinds.setdefault((version, kind), schema)
    counts = {}
    for schema in kinds.values():
        count(schema, counts)
    shared = Shared(counts)
    numbers = {key: shared.number(schema, True) for key, schema in sorted(kinds.items())}
    lines = [f"kind {version} {kind} {number}" for (version, kind), number in numbers.items()]
    lines += ["type " + text for text in shared.lines]
    return "\n".join(lines) + "\n"


def versions_of(crd):
    spec = crd["spec"]
    for version in spec["versions"]:
        schema = kept(version.get("schema", {}).get("openAPIV3Schema", {}))
        fields = schema.get("properties", {})
        for field in ("apiVersion", "kind", "metadata", "status"):
            fields.pop(field, None)
        schema["required"] = [field for field in schema.get("required", []) if field in fields]
        if not schema["required"]:
            del schema["required"]
        if (spec["group"], spec["names"]["kind"]) == ("argoproj.io", "Rollout"):
            with_images(schema)
        if fields:
            yield f"{spec['group']}/{version['name']}", spec["names"]["kind"], schema


def with_images(schema):
    """Requires the image of each container, as for the pods of a Deployment."""
    if {"image", "terminationMessagePolicy"} <= schema.get("properties", {}).keys():
        schema["required"] = sorted({*schema.get("required", []), "image"})
    for part in parts(schema):
        with_images(part)


def parts(schema):
    """The schemas directly below one."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {}).values()
        for key in ("items", "additionalProperties"):
            if isinstance(schema.get(key), dict):
                yield schema[key]


def count(schema, counts):
    text = compact(schema)
    counts[text] = counts.get(text, 0) + 1
    if counts[text] == 1:
        for part in parts(schema):
            count(part, counts)


class Shared:
    """Schemas that occur in several places, each written once."""

    def __init__(self, counts):
        self.counts, self.numbers, self.lines = counts, {}, []

    def number(self, schema, whole=False):
        text = compact(schema)
        if text not in self.numbers:
            line = compact(self.inside(schema))
            self.numbers[text] = len(self.lines)
            self.lines.append(line)
        return self.numbers[text]

    def reference(self, schema):
        if isinstance(schema, dict) and schema.get("properties") and self.counts.get(compact(schema), 0) > 1:
            return {"$ref": self.number(schema)}
        return self.inside(schema)

    def inside(self, schema):
        if not isinstance(schema, dict):
            return schema
        result = {}
        for key, value in schema.items():
            if key == "properties":
                result[key] = {name: self.reference(one) for name, one in value.items()}
            elif key in ("items", "additionalProperties"):
                result[key] = self.reference(value)
            else:
                # what `anyOf` and the like hold is read in another way, so it is not shared
                result[key] = value
        return result


if __name__ == "__main__":
    main()
