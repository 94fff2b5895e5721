//! The packed schemas of this folder: of Kubernetes' own kinds (`built-in.gz`) and of usual custom
//! resources (`custom.gz`). `renew.py` writes them and describes their lines.
//!
//! A file is unpacked once, when a kind of it is first asked for, and a type is read when a value
//! of it is first judged. Not here: judging (`walk`).

use std::io::Read as _;
use std::sync::OnceLock;

use foldhash::HashMap;

use super::shape::Shape;

/// Types by number, each read when it is first needed.
#[derive(Debug, Default)]
pub(crate) struct Types(Vec<Lazy>);

#[derive(Debug)]
struct Lazy {
    text: &'static str,
    shape: OnceLock<Shape>,
}

impl Types {
    /// A type.
    pub(super) fn get(&self, number: usize) -> Option<&Shape> {
        let lazy = self.0.get(number)?;
        let read = || {
            let schema = serde_json::from_str(lazy.text).unwrap_or_default();
            Shape::read(&schema).unwrap_or_default()
        };
        Some(lazy.shape.get_or_init(read))
    }
}

/// A kind of a pack.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// The number of its type.
    pub number: usize,
    /// The first minor version of Kubernetes that serves it; 0 for a custom resource.
    pub since: u8,
}

/// The time in which Kubernetes serves an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// The minor version that deprecated it.
    pub deprecated: u8,
    /// The first minor version that does not serve it; `None` if that is not decided.
    pub removed: Option<u8>,
    /// The API version to use in its place.
    pub replacement: Option<&'static str>,
}

/// A packed file.
#[derive(Debug, Default)]
pub(crate) struct Pack {
    /// The oldest and the newest minor version of Kubernetes.
    pub releases: (u8, u8),
    kinds: HashMap<(&'static str, &'static str), Kind>,
    lives: HashMap<(&'static str, &'static str), Life>,
    /// The API versions of each kind.
    versions: HashMap<&'static str, Vec<&'static str>>,
    /// The types.
    pub types: Types,
}

impl Pack {
    /// The kinds of Kubernetes.
    pub(crate) fn built_in() -> &'static Pack {
        static PACK: OnceLock<Pack> = OnceLock::new();
        PACK.get_or_init(|| Pack::read(include_bytes!("built-in.gz")))
    }

    /// The kinds of well-known projects.
    pub(crate) fn custom() -> &'static Pack {
        static PACK: OnceLock<Pack> = OnceLock::new();
        PACK.get_or_init(|| Pack::read(include_bytes!("custom.gz")))
    }

    fn read(packed: &[u8]) -> Pack {
        let mut text = String::new();
        // the file is part of the program, and a test reads it
        let unpacked = flate2::read::GzDecoder::new(packed).read_to_string(&mut text);
        debug_assert!(unpacked.is_ok(), "a packed file is damaged");
        let mut pack = Pack::default();
        for line in text.leak().lines() {
            pack.line(line);
        }
        pack
    }

    fn line(&mut self, line: &'static str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "type" {
            self.types.0.push(Lazy {
                text: rest,
                shape: OnceLock::new(),
            });
            return;
        }
        let words: Vec<&'static str> = rest.split(' ').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse().ok());
        match (word, words.as_slice()) {
            ("releases", _) => {
                self.releases = (number(0).unwrap_or(0), number(1).unwrap_or(0));
            }
            ("kind", [version, kind, at, ..]) => {
                self.versions.entry(kind).or_default().push(version);
                let number_of_type = at.parse().unwrap_or(usize::MAX);
                let known = Kind {
                    number: number_of_type,
                    since: number(3).unwrap_or(0),
                };
                self.kinds.insert((version, kind), known);
            }
            ("life", [version, kind, _, _, replacement]) => {
                let life = Life {
                    deprecated: number(2).unwrap_or(0),
                    removed: number(3).filter(|minor| *minor > 0),
                    replacement: (*replacement != "-").then_some(*replacement),
                };
                self.lives.insert((version, kind), life);
            }
            _ => {}
        }
    }

    /// A kind.
    pub(crate) fn kind(&self, version: &str, kind: &str) -> Option<Kind> {
        self.kinds.get(&(version, kind)).copied()
    }

    /// The time in which Kubernetes serves an API that is or will be removed.
    pub(crate) fn life(&self, version: &str, kind: &str) -> Option<Life> {
        self.lives.get(&(version, kind)).copied()
    }

    /// The API versions that have a kind, in their order of the file.
    pub(crate) fn versions_of(&self, kind: &str) -> &[&'static str] {
        self.versions.get(kind).map_or(&[], Vec::as_slice)
    }

    /// True if a kind belongs to an API group.
    pub(crate) fn has_group(&self, group: &str) -> bool {
        let of = |version: &str| version.split_once('/').map_or("", |(group, _)| group) == group;
        self.kinds.keys().any(|(version, _)| of(version))
            || self.lives.keys().any(|(version, _)| of(version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::schema::shape::Type;

    /// Every type that another one names is there, and is a schema.
    #[test]
    fn the_packed_files_are_whole() {
        fn named(shape: &Shape, types: &Types) {
            if let Type::Named(number) = shape.kind {
                assert!(number < types.0.len());
            }
            let fields = shape.fields.iter().map(|field| &field.shape);
            let parts = fields
                .chain(shape.items.as_deref())
                .chain(shape.values.as_deref());
            parts.for_each(|part| named(part, types));
        }
        for pack in [Pack::built_in(), Pack::custom()] {
            assert!(pack.kinds.len() > 100);
            for lazy in &pack.types.0 {
                let schema = serde_json::from_str(lazy.text).unwrap();
                named(&Shape::read(&schema).unwrap(), &pack.types);
            }
            assert!(
                pack.kinds
                    .values()
                    .all(|kind| kind.number < pack.types.0.len())
            );
        }
        let (oldest, newest) = Pack::built_in().releases;
        assert!(oldest == 25 && newest >= 37);
    }

    #[test]
    fn apis_are_served_for_a_time() {
        let pack = Pack::built_in();
        let cron = pack.life("batch/v1beta1", "CronJob").unwrap();
        assert_eq!((cron.deprecated, cron.removed), (21, Some(25)));
        assert_eq!(cron.replacement, Some("batch/v1"));
        let flow = pack
            .kind("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema")
            .unwrap();
        assert_eq!(flow.since, 26);
        assert_eq!(pack.life("apps/v1", "Deployment"), None);
    }
}
