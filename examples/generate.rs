//! Writes a generated config repo to a folder, so that you can time the program by hand:
//!
//! ```sh
//! cargo run --release --example generate -- /tmp/generated 1000
//! time target/release/gitops-lint check /tmp/generated
//! ```
//!
//! With a number of commits, the folder becomes a Git repository: `main` has a history of
//! promotions, and the branch `change` has one more:
//!
//! ```sh
//! cargo run --release --example generate -- /tmp/generated 1000 5000
//! time target/release/gitops-lint check /tmp/generated --base main
//! time target/release/gitops-lint status /tmp/generated
//! ```

use std::path::Path;
use std::process::ExitCode;

#[path = "../benches/generated/mod.rs"]
mod generated;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).map(|text| text.parse::<usize>());
    let (Some(folder), Ok(apps), Ok(commits)) = (
        arguments.first(),
        number(1).unwrap_or(Ok(1000)),
        number(2).transpose(),
    ) else {
        eprintln!("usage: generate FOLDER [APPS [COMMITS]]");
        return ExitCode::from(2);
    };
    let folder = Path::new(folder);
    let written = match commits {
        Some(commits) => generated::repository(folder, apps, commits),
        None => files(folder, apps),
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn files(folder: &Path, apps: usize) -> std::io::Result<()> {
    for (path, text) in generated::shop(apps) {
        let file = folder.join(path);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&file, text)?;
    }
    Ok(())
}
