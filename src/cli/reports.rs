//! Where the reports of a check go: standard output and files.
//!
//! A file is written beside its place and renamed, and never through a symbolic link: the folder
//! may be the checkout of a pull request. A report of an earlier run is removed first, and one is
//! written whatever happens, so that a CI system never uploads the report of another run.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Component, Path, PathBuf};

use super::error::Error;
use super::options::{Color, Target};
use super::output::{complain_of, say, width_of};
use super::root::{current_folder, relative};
use crate::check::Outcome;
use crate::finding::Severity;
use crate::report::{self, Format};

/// The reports of a check.
#[derive(Clone, Debug)]
pub(super) struct Reports {
    /// The formats, each with its file; one of them at most goes to standard output.
    pub(super) targets: Vec<Target>,
    /// Print only the findings.
    pub(super) quiet: bool,
    /// List the checked overlays.
    pub(super) verbose: bool,
    /// The lowest severity that fails the check.
    pub(super) fail_on: Option<Severity>,
    /// When to use colors.
    pub(super) color: Color,
    /// The lowest severity that is reported, if it is given.
    pub(super) least: Option<Severity>,
    /// Print only the number of findings of each rule.
    pub(super) statistics: bool,
    /// Lines before the summary.
    pub(super) notes: Vec<String>,
    /// The parts of pages besides the findings.
    pub(super) page: report::Page,
    /// The root of the repo, when it is known.
    pub(super) root: Option<PathBuf>,
}

/// The formats that the command line names.
/// `file` is the file of the format that would go to standard output.
pub(super) fn targets(formats: &[Target], file: Option<&Path>) -> Result<Vec<Target>, Error> {
    let mut formats = formats.to_vec();
    if formats.is_empty() {
        formats.push(Target {
            format: Format::Pretty,
            file: None,
        });
    }
    if let Some(file) = file {
        let mut to_output = formats.iter_mut().filter(|target| target.file.is_none());
        let target = to_output.next().ok_or(Error::Usage(
            "every format has a file already; remove --output-file",
        ))?;
        target.file = Some(file.to_path_buf());
    }
    let to_output = formats.iter().filter(|target| target.file.is_none());
    if to_output.count() > 1 {
        return Err(Error::Usage(
            "only one format can go to standard output; give the others a file, such as --format sarif=FILE",
        ));
    }
    for (index, target) in formats.iter().enumerate() {
        let mut others = formats.iter().skip(index + 1);
        if target.file.is_some() && others.any(|other| other.file == target.file) {
            return Err(Error::Usage(
                "two formats go to the same file; give each format its own",
            ));
        }
    }
    Ok(formats)
}

impl Reports {
    fn files(&self) -> impl Iterator<Item = (Format, &Path)> {
        let targets = self.targets.iter();
        targets.filter_map(|target| Some((target.format, target.file.as_deref()?)))
    }

    /// Removes the reports of an earlier run.
    pub(super) fn remove_earlier(&self) -> Result<(), Error> {
        for (_, file) in self.files() {
            remove(file).map_err(|error| Error::writing(file, error))?;
        }
        Ok(())
    }

    /// Writes every report. If one cannot be written, the others are all the same.
    pub(super) fn write(&self, outcome: &Outcome) -> Result<(), Error> {
        let mut first = Ok(());
        for (format, file) in self.files() {
            let options = report::Options {
                overlays: self.verbose,
                fail_on: self.fail_on,
                links: links(),
                page: self.page.clone(),
                notes: self.notes.clone(),
                ..report::Options::default()
            };
            let saved = report::text(format, outcome, &options)
                .and_then(|text| save(file, text.as_bytes()))
                .map_err(|error| Error::writing(file, error));
            first = first.and(saved);
        }
        first.and(self.print(outcome))
    }

    /// Writes that the check could not do its work, for programs that read the reports. People read
    /// it from standard error.
    pub(super) fn write_failure(&self, message: &str) {
        let outcome = Outcome::failed(message);
        let mut written = self.clone();
        written
            .targets
            .retain(|target| target.file.is_some() || !is_for_people(target.format));
        written.quiet = true;
        if let Err(error) = written.write(&outcome) {
            complain_of("error", &error.to_string());
        }
    }

    /// The paths of the repo as the terminal shows them.
    fn shown_paths(&self, terminal: bool) -> report::ShownPaths {
        let paths = self.root.as_deref().map(shown_paths).unwrap_or_default();
        let has_links = terminal
            && self.color.colored(terminal)
            && supports_hyperlinks::on(supports_hyperlinks::Stream::Stdout);
        let root = self.root.as_deref().filter(|_| has_links);
        report::ShownPaths {
            address: root.and_then(address),
            ..paths
        }
    }

    /// The lowest severity that `pretty` draws: information has to be asked for.
    fn least(&self) -> Severity {
        match self.fail_on {
            _ if self.least.is_some() => self.least.unwrap_or(Severity::Info),
            Some(Severity::Info) => Severity::Info,
            _ => Severity::Warning,
        }
    }

    fn print(&self, outcome: &Outcome) -> Result<(), Error> {
        let mut targets = self.targets.iter();
        let Some(target) = targets.find(|target| target.file.is_none()) else {
            if !self.quiet {
                self.notes.iter().for_each(|note| say(note));
                say(&report::summary(outcome));
            }
            return Ok(());
        };
        let terminal = io::stdout().is_terminal();
        let options = report::Options {
            color: self.color.colored(terminal),
            width: width_of(&io::stdout()),
            summary: !self.quiet,
            overlays: self.verbose,
            fail_on: self.fail_on,
            least: self.least(),
            statistics: self.statistics,
            notes: self.notes.clone(),
            links: links(),
            page: self.page.clone(),
            paths: self.shown_paths(terminal),
        };
        let written = report::text(target.format, outcome, &options);
        written
            .and_then(|text| super::output::write(&text))
            .map_err(Error::printing)
    }
}

/// The address of the files at the checked commit, as the CI system names them.
fn links() -> Option<String> {
    let value = |name: &str| {
        std::env::var(name)
            .ok()
            .filter(|value| value.starts_with("https://"))
    };
    let word = |name: &str| {
        let is_safe = |text: &String| {
            let is_word = |letter: char| letter.is_ascii_alphanumeric() || "._/-".contains(letter);
            !text.is_empty() && text.chars().all(is_word)
        };
        std::env::var(name).ok().filter(is_safe)
    };
    let github = || {
        let (server, repository) = (value("GITHUB_SERVER_URL")?, word("GITHUB_REPOSITORY")?);
        Some(format!(
            "{server}/{repository}/blob/{}/",
            word("GITHUB_SHA")?
        ))
    };
    let gitlab = || {
        Some(format!(
            "{}/-/blob/{}/",
            value("CI_PROJECT_URL")?,
            word("CI_COMMIT_SHA")?
        ))
    };
    let base = github().or_else(gitlab)?;
    // nothing in it ends the link
    (!base.contains([' ', '(', ')', '<', '>', '"'])).then_some(base)
}

/// The address of a folder; `None` if it is not UTF-8.
fn address(folder: &Path) -> Option<String> {
    let path = folder.to_str()?.replace('\\', "/");
    let path = path.trim_matches('/');
    Some(format!("file:///{}/", report::encoded_path(path)))
}

/// The way from the current folder to the files of a repo.
fn shown_paths(root: &Path) -> report::ShownPaths {
    let Some(current) = current_folder() else {
        return report::ShownPaths::default();
    };
    if let Some(below) = relative(root, &current) {
        let depth = below.split('/').filter(|part| !part.is_empty()).count();
        return report::ShownPaths {
            prefix: "../".repeat(depth),
            below: if depth == 0 {
                below
            } else {
                format!("{below}/")
            },
            address: None,
        };
    }
    let prefix = relative(&current, root).unwrap_or_else(|| root.display().to_string());
    report::ShownPaths {
        below: String::new(),
        prefix: format!("{prefix}/"),
        address: None,
    }
}

fn is_for_people(format: Format) -> bool {
    matches!(format, Format::Pretty | Format::Concise)
}

/// True for what is not a file of a folder, such as `/dev/stdout`.
fn is_device(file: &Path) -> bool {
    file.starts_with("/dev") || file.starts_with("/proc")
}

/// Removes an earlier report. A symbolic link is removed itself, not the file that it leads to.
fn remove(file: &Path) -> io::Result<()> {
    if is_device(file) {
        return Ok(());
    }
    refuse_links(file)?;
    match fs::symlink_metadata(file) {
        Ok(found) if found.is_file() || found.is_symlink() => fs::remove_file(file),
        Ok(_) => Err(io::Error::other("it is not a file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes a file beside its place and renames it.
pub(super) fn save(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if is_device(file) {
        return OpenOptions::new().write(true).open(file)?.write_all(bytes);
    }
    refuse_links(file)?;
    let name = file
        .file_name()
        .ok_or_else(|| io::Error::other("it has no name"))?;
    let (beside, mut out) = create_beside(file, name)?;
    let written = out
        .write_all(bytes)
        .and_then(|()| out.sync_data())
        .and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        // the error above says more than another one here would
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Creates a file of a new name in the same folder.
fn create_beside(file: &Path, name: &std::ffi::OsStr) -> io::Result<(PathBuf, fs::File)> {
    /// Names that are tried; others may be left over from runs that were killed.
    const TRIED: u32 = 100;
    let mut last = None;
    for number in 0..TRIED {
        let mut own = OsString::from(".");
        own.push(name);
        own.push(format!(".{}-{number}", std::process::id()));
        let beside = file.with_file_name(own);
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&beside)
        {
            Ok(out) => return Ok((beside, out)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::other("no name is free")))
}

/// Refuses a path below the current folder that leads through a symbolic link. Links above it belong
/// to the machine, not to the checkout.
fn refuse_links(file: &Path) -> io::Result<()> {
    let Some(top) = current_folder() else {
        return Ok(());
    };
    let mut path = top.clone();
    let folder = file.parent().unwrap_or(Path::new(""));
    let relative = match folder.strip_prefix(&top) {
        Ok(below) => below,
        Err(_) if folder.is_absolute() => return Ok(()),
        Err(_) => folder,
    };
    for part in relative.components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            _ => continue,
        }
        let is_link = fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink());
        if is_link && path.starts_with(&top) {
            let shown = path.display();
            return Err(io::Error::other(format!(
                "`{shown}` is a symbolic link, and reports are not written through links"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_report_replaces_a_link_and_leaves_its_target_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (secret, file) = (folder.path().join("secret"), folder.path().join("a.json"));
        fs::write(&secret, "x").unwrap();
        std::os::unix::fs::symlink(&secret, &file).unwrap();
        save(&file, b"{}").unwrap();
        assert_eq!(fs::read_to_string(&secret).unwrap(), "x");
        assert_eq!(fs::read_to_string(&file).unwrap(), "{}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
        std::os::unix::fs::symlink(&secret, folder.path().join("b")).unwrap();
        remove(&folder.path().join("b")).unwrap();
        assert!(secret.exists());
        assert!(remove(folder.path()).is_err());
    }
}
