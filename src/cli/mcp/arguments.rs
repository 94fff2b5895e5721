//! The arguments of a call: checked, and turned into those of a command.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::cli::root::relative;
use crate::names::UnknownName;

/// The most entries of a list in a result, unless the call says otherwise.
const ENTRIES: u64 = 50;

/// The most entries of a list in an argument, and bytes of a text.
const LONGEST: (usize, usize) = (100, 1000);

/// A call with its arguments.
pub(super) struct Call<'c> {
    root: &'c Path,
    arguments: Map<String, Value>,
    limit: u64,
    /// The arguments of all commands.
    common: Vec<String>,
}

/// The words of a command line.
type Words = Result<Vec<String>, String>;

impl<'c> Call<'c> {
    /// A call for a repo.
    pub(super) fn new(
        root: &'c Path,
        memory_limit: u64,
        arguments: &Value,
    ) -> Result<Call<'c>, String> {
        let arguments = match arguments {
            Value::Object(arguments) => arguments.clone(),
            Value::Null => Map::new(),
            _ => return Err("the arguments of a tool are a JSON object".to_string()),
        };
        let limit = match arguments.get("limit") {
            None | Some(Value::Null) => ENTRIES,
            Some(limit) => limit
                .as_u64()
                .filter(|limit| (1..=1000).contains(limit))
                .ok_or("`limit` is a number from 1 to 1000")?,
        };
        Ok(Call {
            root,
            arguments,
            limit,
            common: vec![
                "--color=never".to_string(),
                "--time-limit=0".to_string(),
                format!("--memory-limit={memory_limit}"),
            ],
        })
    }

    /// An error for an argument that the tool does not have.
    fn allow(&self, known: &[&str]) -> Result<(), String> {
        let mut names = self.arguments.keys();
        match names.find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(UnknownName::new("argument", name, known).to_string()),
            None => Ok(()),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&str>, String> {
        let (_, most) = LONGEST;
        match self.arguments.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.len() <= most && !text.contains('\0') => {
                Ok(Some(text))
            }
            Some(_) => Err(format!("`{name}` is a text of at most {most} bytes")),
        }
    }

    fn needed(&self, name: &str) -> Result<&str, String> {
        let text = self.text(name)?;
        text.ok_or_else(|| format!("`{name}` is missing"))
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        match self.arguments.get(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(set)) => Ok(*set),
            Some(_) => Err(format!("`{name}` is true or false")),
        }
    }

    /// A list of texts; one text stands for a list of one.
    fn texts(&self, name: &str) -> Result<Vec<&str>, String> {
        let (entries, bytes) = LONGEST;
        let wrong = || format!("`{name}` is a list of at most {entries} texts");
        let list = match self.arguments.get(name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() <= entries => list.as_slice(),
            Some(text @ Value::String(_)) => std::slice::from_ref(text),
            Some(_) => return Err(wrong()),
        };
        list.iter()
            .map(|text| {
                let text = text.as_str();
                text.filter(|text| text.len() <= bytes && !text.contains('\0'))
                    .ok_or_else(wrong)
            })
            .collect()
    }

    /// `--app=api --app=web`
    fn options(&self, option: &str, name: &str) -> Result<Vec<String>, String> {
        let texts = self.texts(name)?.into_iter();
        Ok(texts.map(|text| format!("--{option}={text}")).collect())
    }

    /// The absolute path of something in the repo. What lies outside is refused, also through `..`
    /// and symbolic links.
    fn inside(&self, path: &str) -> Result<String, String> {
        let real = self.root.join(path).canonicalize();
        let real = real.map_err(|_| format!("`{path}` does not exist in the repository"))?;
        match relative(self.root, &real) {
            Some(_) => real
                .to_str()
                .map(str::to_string)
                .ok_or_else(|| format!("`{path}` is not UTF-8")),
            None => Err(format!("`{path}` is outside of the repository")),
        }
    }

    /// The words of a command that takes its repo from `--path`.
    fn words(&self, command: &str) -> Vec<String> {
        let mut words = vec!["gitops-lint".to_string(), command.to_string()];
        words.extend(self.common.iter().cloned());
        words.push("--format=json".to_string());
        words
    }

    fn at_root(&self, words: &mut Vec<String>) {
        words.push(format!("--path={}", self.root.display()));
    }

    pub(super) fn check(&self) -> Words {
        self.allow(&[
            "paths",
            "base",
            "all",
            "apps",
            "environments",
            "rules",
            "min_severity",
            "limit",
        ])?;
        let mut words = self.words("check");
        // the format is that of the report, not an option here
        words.retain(|word| word != "--format=json");
        words.extend(self.options("app", "apps")?);
        words.extend(self.options("environment", "environments")?);
        words.extend(self.options("select", "rules")?);
        let least = self.text("min_severity")?.unwrap_or("warning");
        words.push(format!("--min-severity={least}"));
        match self.text("base")? {
            Some(base) => words.push(format!("--base={base}")),
            None => words.push("--no-base".to_string()),
        }
        if self.flag("all")? {
            words.push("--all".to_string());
        }
        words.push("--".to_string());
        let paths = self.texts("paths")?;
        if paths.is_empty() {
            words.push(self.root.display().to_string());
        }
        for path in paths {
            words.push(self.inside(path)?);
        }
        Ok(words)
    }

    pub(super) fn why(&self) -> Words {
        self.allow(&[
            "resource",
            "value",
            "apps",
            "environments",
            "overlays",
            "limit",
        ])?;
        let mut words = self.words("why");
        self.at_root(&mut words);
        words.extend(self.options("app", "apps")?);
        words.extend(self.options("environment", "environments")?);
        words.extend(self.options("overlay", "overlays")?);
        words.push("--".to_string());
        words.push(self.needed("resource")?.to_string());
        words.extend(self.text("value")?.map(str::to_string));
        Ok(words)
    }

    pub(super) fn diff(&self) -> Words {
        self.allow(&["from", "to", "apps", "environments", "all", "limit"])?;
        let mut words = self.words("diff");
        self.at_root(&mut words);
        words.extend(self.options("app", "apps")?);
        words.extend(self.options("environment", "environments")?);
        if self.flag("all")? {
            words.push("--all".to_string());
        }
        words.push("--".to_string());
        words.push(self.needed("from")?.to_string());
        words.extend(self.text("to")?.map(str::to_string));
        Ok(words)
    }

    pub(super) fn status(&self) -> Words {
        self.allow(&["apps", "at", "limit"])?;
        let mut words = self.words("status");
        words.extend(self.options("app", "apps")?);
        if let Some(at) = self.text("at")? {
            words.push(format!("--at={at}"));
        }
        words.push("--".to_string());
        words.push(self.root.display().to_string());
        Ok(words)
    }

    pub(super) fn promote(&self) -> Words {
        self.allow(&["apps", "to", "from", "base", "rollback", "limit"])?;
        let mut words = self.words("promote");
        self.at_root(&mut words);
        words.push("--dry-run".to_string());
        words.push(format!("--to={}", self.needed("to")?));
        for name in ["from", "base"] {
            if let Some(text) = self.text(name)? {
                words.push(format!("--{name}={text}"));
            }
        }
        if self.flag("rollback")? {
            words.push("--rollback".to_string());
        }
        let apps = self.texts("apps")?;
        if apps.is_empty() {
            words.push("--all".to_string());
        }
        words.push("--".to_string());
        words.extend(apps.into_iter().map(str::to_string));
        Ok(words)
    }

    /// A result with the lists at its top cut to the limit. `omitted` says how much is missing.
    pub(super) fn shortened(&self, mut result: Value) -> Value {
        let mut omitted = Map::new();
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let is_check = result.get("findings").is_some();
        if let Some(fields) = result.as_object_mut() {
            // a check of a large repo lists thousands of overlays, and counts them in its summary
            if is_check {
                fields.remove("overlays");
            }
            for (name, value) in fields.iter_mut() {
                let Value::Array(list) = value else { continue };
                if list.len() > limit {
                    omitted.insert(name.clone(), json!(list.len() - limit));
                    list.truncate(limit);
                }
            }
            fields.insert("omitted".to_string(), Value::Object(omitted));
        }
        result
    }
}
