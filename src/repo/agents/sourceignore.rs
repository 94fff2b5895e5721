//! Files that never reach Flux: those in `.sourceignore`, and those that source-controller always
//! leaves out.

use crate::glob::ignore::{Ignore, Patterns};
use crate::source::{Source, folder_of};

/// The name of the files, in any folder.
const NAME: &str = ".sourceignore";
/// Patterns that exclude files unless `.sourceignore` includes them again.
const DEFAULTS: &str = ".git/\n.gitignore\n.gitmodules\n.gitattributes\n*.jpg\n*.jpeg\n*.gif\n*.png\n*.wmv\n*.flv\n*.tar.gz\n*.zip\n.github/\n.circleci/\n.travis.yml\n.gitlab-ci.yml\nappveyor.yml\n.drone.yml\ncloudbuild.yaml\ncodeship-services.yml\ncodeship-steps.yml\n.goreleaser.yml\n.sops.yaml\n.flux.yaml";

/// The patterns of a tree.
#[derive(Clone, Debug)]
pub(super) struct Ignored(Ignore);

impl Ignored {
    /// Reads the files of a tree; `more` are patterns of the source object, which count most.
    pub(super) fn read(source: &dyn Source, more: &[&str]) -> Ignored {
        let mut patterns = Patterns::default();
        patterns.add("", DEFAULTS);
        let files = source.files().iter();
        for path in files.filter(|path| path.rsplit('/').next() == Some(NAME)) {
            let text = source.read(path).ok();
            let text = text.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
            patterns.add(folder_of(path), &text.unwrap_or_default());
        }
        more.iter().for_each(|text| patterns.add("", text));
        Ignored(patterns.build())
    }

    /// True if a file is left out.
    pub(super) fn leaves_out(&self, path: &str) -> bool {
        self.0.leaves_out(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::memory::Memory;

    #[test]
    fn patterns_match_as_in_gitignore() {
        let source = Memory::new([
            (
                ".sourceignore",
                "# all\n/*\n!/clusters\n!/apps/\n*.tmp.yaml\n",
            ),
            ("apps/.sourceignore", "draft/\n/only-here.yaml\n"),
        ]);
        let ignored = Ignored::read(&source, &["!**/keep.tmp.yaml"]);
        for (path, out) in [
            ("docs/a.yaml", true),
            ("clusters/production/a.yaml", false),
            ("clusters/a.tmp.yaml", true),
            ("clusters/keep.tmp.yaml", false),
            ("clusters/.sops.yaml", false),
            ("apps/draft/a.yaml", true),
            ("apps/web/draft/a.yaml", true),
            ("apps/draft.yaml", false),
            ("apps/only-here.yaml", true),
            ("apps/web/only-here.yaml", false),
        ] {
            assert_eq!(ignored.leaves_out(path), out, "{path}");
        }
        let defaults = Ignored::read(&Memory::new([("a.yaml", "")]), &[]);
        assert!(
            defaults.leaves_out("clusters/.sops.yaml")
                && defaults.leaves_out(".github/a.yaml")
                && !defaults.leaves_out("a.yaml")
        );
    }
}
