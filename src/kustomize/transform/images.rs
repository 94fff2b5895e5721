//! `images`: name, tag and digest of container images.
//!
//! Here: image references as kustomize reads them, which differs from `kubernetes::image` in
//! details. An entry without effect is reported, although kustomize is silent.

use std::sync::Arc;

use regex::Regex;

use super::field_spec::{self, Create, FieldError};
use crate::kustomize::context::BuildContext;
use crate::kustomize::decode::Text;
use crate::kustomize::kustomization::ImageEntry;
use crate::kustomize::{Identity, Problem, ProblemKind, Resource, steps};
use crate::names::{did_you_mean, nearest};
use crate::yaml::{By, Data, Node, Origin};

/// Recognizes the images that an entry is for.
enum Matcher {
    /// The name is plain text, except that `.` matches any character, as in kustomize's
    /// expression.
    Plain(String),
    /// The name is an expression.
    Expression(Box<Regex>),
    /// The name is not a valid expression: it matches nothing.
    Nothing,
}

impl Matcher {
    fn new(name: &str) -> Matcher {
        let plain = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | ':' | '_' | '-' | '.' | '@'));
        if plain {
            return Matcher::Plain(name.to_string());
        }
        let pattern = format!(
            "^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@[a-zA-Z0-9]+([.+_-][a-zA-Z0-9]+)*:[a-zA-Z0-9_.{{}}-]*)?$"
        );
        Regex::new(&pattern).map_or(Matcher::Nothing, |regex| {
            Matcher::Expression(Box::new(regex))
        })
    }

    fn matches(&self, image: &str) -> bool {
        match self {
            Matcher::Nothing => false,
            Matcher::Expression(regex) => regex.is_match(image),
            Matcher::Plain(name) => {
                let mut rest = image.chars();
                for wanted in name.chars() {
                    match rest.next() {
                        Some(found) if found == wanted || (wanted == '.' && found != '\n') => {}
                        _ => return false,
                    }
                }
                tag_and_digest(rest.as_str())
            }
        }
    }
}

/// True if the text after a name is empty, a tag, a digest or both.
fn tag_and_digest(rest: &str) -> bool {
    let word = |text: &str| {
        text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'{' | b'}' | b'-')
        })
    };
    let (tag, digest) = match rest.split_once('@') {
        Some((tag, digest)) => (tag, Some(digest)),
        None => (rest, None),
    };
    let algorithm = |text: &str| {
        text.split(['.', '+', '_', '-'])
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
    };
    (tag.is_empty() || tag.strip_prefix(':').is_some_and(word))
        && digest.is_none_or(|digest| {
            digest
                .split_once(':')
                .is_some_and(|(name, value)| algorithm(name) && word(value))
        })
}

/// Name, tag and digest of an image as kustomize splits them.
fn split(image: &str) -> (&str, &str, &str) {
    let start = image.find('/').unwrap_or(0);
    let find = |letter: char| {
        image
            .get(start..)
            .and_then(|rest| rest.find(letter))
            .map(|at| at + start)
    };
    let part = |from: usize, to: usize| image.get(from..to).unwrap_or_default();
    match (find('@'), find(':')) {
        (None, None) => (image, "", ""),
        (Some(at), colon) if colon.is_none_or(|colon| at < colon) => {
            (part(0, at), "", part(at + 1, image.len()))
        }
        (Some(at), Some(colon)) => (
            part(0, colon),
            part(colon + 1, at),
            part(at + 1, image.len()),
        ),
        (_, Some(colon)) => (part(0, colon), part(colon + 1, image.len()), ""),
        (Some(at), None) => (part(0, at), "", part(at + 1, image.len())),
    }
}

fn filled(text: &Option<Text>) -> Option<&Text> {
    text.as_ref().filter(|text| !text.is_empty())
}

fn changed(image: &str, entry: &ImageEntry) -> String {
    let (name, mut tag, mut digest) = split(image);
    let suffixed;
    match (
        filled(&entry.new_tag),
        filled(&entry.digest),
        filled(&entry.tag_suffix),
    ) {
        (None, None, None) => {}
        (None, None, Some(suffix)) => {
            suffixed = format!("{tag}{}", suffix.value);
            (tag, digest) = (&suffixed, "");
        }
        (new_tag, new_digest, _) => {
            tag = new_tag.map_or("", |text| text);
            digest = new_digest.map_or("", |text| text);
        }
    }
    let mut result = filled(&entry.new_name)
        .map_or(name, |name| name)
        .to_string();
    for (mark, part) in [(':', tag), ('@', digest)] {
        if !part.is_empty() {
            result.push(mark);
            result.push_str(part);
        }
    }
    result
}

/// The entries without effect that are told which image they probably meant. Searching for similar
/// names takes time for each.
const ADVISED: usize = 50;

/// The objects that have images, so that an entry only visits those that it changes: thousands of
/// entries and thousands of objects must not multiply.
pub(crate) struct Images {
    users: Vec<User>,
    advised: usize,
}

/// An object with images.
struct User {
    /// Its position among the resources.
    position: usize,
    /// Its images.
    texts: Vec<Arc<str>>,
    /// True if something is in the way, which every entry reports.
    faulty: bool,
}

impl User {
    /// `None` if an object has no image.
    fn of(position: usize, resource: &Resource, specs: &[super::FieldSpec]) -> Option<User> {
        let mut user = User {
            position,
            texts: Vec::new(),
            faulty: false,
        };
        if resource.kind() == "CustomResourceDefinition" {
            return None;
        }
        user.containers(&resource.node);
        for spec in specs {
            if spec.gvk.selects_object(&resource.node) {
                steps::visit(&resource.node, &spec.steps, &mut |node| user.see(node));
                user.faulty |= in_the_way(&resource.node, &spec.steps);
            }
        }
        (user.faulty || !user.texts.is_empty()).then_some(user)
    }

    fn see(&mut self, node: &Node) {
        match node.as_scalar() {
            Some(scalar) => self.texts.push(scalar.text.clone()),
            None => self.faulty = true,
        }
    }

    fn containers(&mut self, node: &Node) {
        for item in node.items() {
            self.containers(item);
        }
        for entry in node.entries() {
            self.containers(&entry.value);
            if !is_containers(&entry.key, &entry.value) {
                continue;
            }
            for container in entry.value.items() {
                self.faulty |= container.as_map().is_none() && !container.is_null();
                if let Some(image) = container.get("image") {
                    self.see(image);
                }
            }
        }
    }
}

impl Images {
    /// Searches the objects. `specs` are the further fields that hold images.
    pub(crate) fn of(resources: &[Resource], specs: &[super::FieldSpec]) -> Images {
        let users = resources.iter().enumerate();
        Images {
            users: users
                .filter_map(|(position, resource)| User::of(position, resource, specs))
                .collect(),
            advised: 0,
        }
    }
}

/// An entry of `images`.
pub(crate) fn image(
    resources: &mut [Resource],
    images: &mut Images,
    entry: &ImageEntry,
    specs: &[super::FieldSpec],
    context: &mut BuildContext<'_>,
) {
    let name = filled(&entry.name);
    let matcher = name.map_or(Matcher::Nothing, |name| Matcher::new(name));
    // points at the field that most determines the result
    let fields = [
        &entry.digest,
        &entry.new_tag,
        &entry.tag_suffix,
        &entry.new_name,
        &entry.name,
    ];
    let origin = fields
        .into_iter()
        .find_map(filled)
        .map_or(entry.origin, Text::origin)
        .with(By::Images);
    let mut matched = false;
    let mut set = |node: &mut Node| {
        let Some(scalar) = node.as_scalar() else {
            return Err(FieldError::new(node, "an image is a plain value"));
        };
        if !matcher.matches(&scalar.text) {
            return Ok(());
        }
        matched = true;
        let new = changed(&scalar.text, entry);
        if *scalar.text == *new && node.origin == origin {
            Ok(())
        } else {
            field_spec::set_text(node, new, origin)
        }
    };
    for user in &mut images.users {
        if !user.faulty && !user.texts.iter().any(|text| matcher.matches(text)) {
            continue;
        }
        let Some(resource) = resources.get_mut(user.position) else {
            continue;
        };
        let changed = change(resource, specs, &matcher, origin, &mut set);
        if let Err(error) = changed {
            super::metadata::report(context, resource, "an image", error, origin);
        }
        if let Some(now) = User::of(user.position, resource, specs) {
            *user = now;
        }
    }
    if !matched {
        let advice = name.filter(|_| images.advised < ADVISED);
        images.advised += 1;
        context.report(unused(entry, name, advice, resources));
    }
}

/// Changes the images of a resource: those of containers, and those of further fields.
fn change(
    resource: &mut Resource,
    specs: &[super::FieldSpec],
    matcher: &Matcher,
    origin: Origin,
    set: &mut Set<'_>,
) -> Result<(), FieldError> {
    if has_containers(&resource.node) {
        containers(&mut resource.node, set)?;
    }
    for spec in specs {
        if !spec.gvk.selects_object(&resource.node) {
            continue;
        }
        let mut any = false;
        steps::visit(&resource.node, &spec.steps, &mut |node| {
            any |= node
                .as_scalar()
                .is_none_or(|scalar| matcher.matches(&scalar.text));
        });
        // applying also finds values that are in the way
        if any || in_the_way(&resource.node, &spec.steps) {
            let applied = field_spec::apply(&mut resource.node, spec, Create::Nothing, origin, set);
            // a PodSecurityPolicy lists names under `volumes`; only this release of kustomize
            // fails on them
            if resource.kind() != "PodSecurityPolicy" || !spec.path.contains("volumes[]") {
                applied?;
            }
        }
    }
    Ok(())
}

fn unused(
    entry: &ImageEntry,
    name: Option<&Text>,
    advised: Option<&Text>,
    resources: &[Resource],
) -> Problem {
    let origin = entry.name.as_ref().map_or(entry.origin, Text::origin);
    let message = match name {
        Some(name) => format!(
            "no container uses the image `{}`, so this entry changes nothing",
            name.value
        ),
        None => "this entry of images names no image, so it changes nothing".to_string(),
    };
    let image = name.map_or(String::new(), |name| name.value.to_string());
    let help = advised
        .and_then(|name| advice(name, resources))
        .unwrap_or_else(|| "correct the name, or remove the entry".to_string());
    Problem::error(origin, message)
        .with_kind(ProblemKind::UnusedImageOverride)
        .about(Identity::UnusedImage(image))
        .with_help(help)
}

/// Suggests the image that was probably intended.
fn advice(name: &str, resources: &[Resource]) -> Option<String> {
    let mut present: Vec<String> = Vec::new();
    for resource in resources {
        collect(&resource.node, &mut present);
    }
    present.sort();
    present.dedup();
    let short = |name: &str| {
        name.rsplit('/')
            .next()
            .map(str::to_string)
            .unwrap_or_default()
    };
    let same_end = present.iter().find(|present| short(present) == short(name));
    let names: Vec<&str> = present.iter().map(String::as_str).collect();
    let meant = same_end
        .map(String::as_str)
        .or_else(|| nearest(name, &names))?;
    Some(format!(
        "{} the name must be the whole image name without tag",
        did_you_mean(meant)
    ))
}

fn collect(node: &Node, found: &mut Vec<String>) {
    match &node.data {
        Data::Map(map) => {
            for entry in &map.entries {
                if matches!(&*entry.key, "containers" | "initContainers") {
                    let images = entry
                        .value
                        .items()
                        .iter()
                        .filter_map(|container| container.get("image").and_then(Node::text));
                    found.extend(images.map(|image| split(image).0.to_string()));
                }
                collect(&entry.value, found);
            }
        }
        Data::List(list) => list.items.iter().for_each(|item| collect(item, found)),
        Data::Scalar(_) => {}
    }
}

/// True if a step of the path meets a plain value, or an empty value that has to become a list.
fn in_the_way(node: &Node, steps: &[Box<str>]) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return false;
    };
    match &node.data {
        Data::Scalar(_) => !node.is_null(),
        Data::List(list) => list.items.iter().any(|item| in_the_way(item, steps)),
        Data::Map(_) => {
            let (name, list) = steps::list_step(step);
            node.get(name)
                .is_some_and(|value| (list && value.is_null()) || in_the_way(value, rest))
        }
    }
}

fn has_containers(node: &Node) -> bool {
    match &node.data {
        Data::Map(map) => map
            .entries
            .iter()
            .any(|entry| is_containers(&entry.key, &entry.value) || has_containers(&entry.value)),
        Data::List(list) => list.items.iter().any(has_containers),
        Data::Scalar(_) => false,
    }
}

fn is_containers(key: &str, value: &Node) -> bool {
    matches!(key, "containers" | "initContainers") && value.as_list().is_some()
}

type Set<'a> = dyn FnMut(&mut Node) -> Result<(), FieldError> + 'a;

/// Every `image` in lists named `containers` or `initContainers`, wherever they are.
fn containers(node: &mut Node, set: &mut Set<'_>) -> Result<(), FieldError> {
    let Some(map) = node.as_map() else {
        let reached: Vec<usize> = node
            .items()
            .iter()
            .enumerate()
            .filter(|(_, item)| has_containers(item))
            .map(|(index, _)| index)
            .collect();
        if let Some(list) = node.list_mut().filter(|_| !reached.is_empty()) {
            for index in reached {
                if let Some(item) = list.items.get_mut(index) {
                    containers(item, set)?;
                }
            }
        }
        return Ok(());
    };
    let reached: Vec<usize> = (0..map.entries.len())
        .filter(|index| {
            map.entries
                .get(*index)
                .is_some_and(|e| is_containers(&e.key, &e.value) || has_containers(&e.value))
        })
        .collect();
    let Some(map) = node.map_mut() else {
        return Ok(());
    };
    for index in reached {
        let Some(entry) = map.entries.get_mut(index) else {
            continue;
        };
        if has_containers(&entry.value) {
            containers(&mut entry.value, set)?;
        }
        if is_containers(&entry.key, &entry.value)
            && let Some(list) = entry.value.list_mut()
        {
            for container in &mut list.items {
                if container.as_map().is_none() && !container.is_null() {
                    return Err(FieldError::new(container, "a container is a map"));
                }
                if let Some(image) = container.get_mut("image") {
                    set(image)?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_whole_images() {
        let matches = |name: &str, image: &str| Matcher::new(name).matches(image);
        for image in [
            "nginx",
            "nginx:1",
            "nginx:1@sha256:ab",
            "nginx@sha256:ab",
            "nginx:",
        ] {
            assert!(matches("nginx", image), "{image}");
        }
        for image in [
            "my/nginx",
            "nginx/a",
            "nginxx",
            "nginx:1/2",
            "nginx@sha256",
            "nginx:1:2",
        ] {
            assert!(!matches("nginx", image), "{image}");
        }
        assert!(matches("a.b/c", "a.b/c:1") && matches("a.b/c", "axb/c"));
        assert!(matches("ngin[x]", "nginx:1") && !matches("[", "["));
        assert!(matches("registry:5000/app", "registry:5000/app:2"));
    }

    #[test]
    fn images_split_after_the_registry() {
        assert_eq!(split("registry:5000/app"), ("registry:5000/app", "", ""));
        assert_eq!(
            split("registry:5000/app:1@sha256:ab"),
            ("registry:5000/app", "1", "sha256:ab")
        );
        assert_eq!(split("app@sha256:ab"), ("app", "", "sha256:ab"));
        assert_eq!(split("app:1"), ("app", "1", ""));
    }
}
