//! Writes a generated config repo into a folder, to time the program by hand:
//!
//! ```sh
//! cargo run --release --example generate -- /tmp/generated 1000
//! time target/release/gitops-lint check /tmp/generated
//! ```

use std::path::Path;
use std::process::ExitCode;

#[path = "../benches/generated/mod.rs"]
mod generated;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(folder), apps) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: generate FOLDER [APPS]");
        return ExitCode::from(2);
    };
    let apps = apps.and_then(|apps| apps.to_str()?.parse().ok()).unwrap_or(1000);
    for (path, text) in generated::shop(apps) {
        let file = Path::new(&folder).join(path);
        let written = file.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&file, text));
        if let Err(error) = written {
            eprintln!("{}: {error}", file.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
