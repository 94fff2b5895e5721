//! Problems of files that a kustomization names and that cannot be read.

use super::{NO_YAML, ParseError};
use crate::kustomize::decode::Text;
use crate::kustomize::{Identity, Problem, ProblemKind};
use crate::source::{SourceError, Withheld};

/// Explains, at the line that names a file, why it could not be read.
pub(crate) fn unreadable(reference: &Text, error: &SourceError) -> Problem {
    let message = match error {
        SourceError::Missing => format!("there is no file or folder {:?}", &**reference),
        SourceError::OutsideRoot => format!("{:?} leads out of the repository", &**reference),
        SourceError::IsDirectory => {
            format!("{:?} is a folder, but a file is needed here", &**reference)
        }
        SourceError::Withheld(withheld) => return self::withheld(reference, withheld),
        other => format!("{:?} cannot be read: {other}", &**reference),
    };
    let help = match error {
        SourceError::Missing => "correct the path, or add the file",
        SourceError::OutsideRoot => "copy what is needed into the repository",
        SourceError::IsDirectory => "name a file in it",
        _ => "check what kind of file it is",
    };
    Problem::error(reference.origin(), message).with_help(help)
}

/// Explains why something that a kustomization refers to is missing although Git has it.
pub(crate) fn withheld(reference: &Text, withheld: &Withheld) -> Problem {
    let message = format!("{:?} is not here: {}", &**reference, withheld.reason);
    Problem::error(reference.origin(), message)
        .with_kind(ProblemKind::Withheld)
        .about(Identity::Withheld(reference.to_string()))
        .with_help(withheld.remedy.clone())
}

/// Explains why a file could not be parsed.
pub(crate) fn unparsed(reference: &Text, error: ParseError) -> Problem {
    match error {
        ParseError::Source(error) => unreadable(reference, &error),
        ParseError::Yaml {
            message,
            origin,
            template,
        } => {
            let problem = Problem::error(origin, message);
            let problem =
                problem.with_related("it is read because of this line", reference.origin());
            if template {
                problem.with_help("this looks like a template, not like YAML: render it first, or take it out of the kustomization")
            } else {
                problem.with_help(NO_YAML)
            }
        }
    }
}
