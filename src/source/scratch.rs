//! Repositories that tests make with Git; the product itself never runs it.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

/// Runs Git in a folder.
pub(crate) fn git(folder: &Path, arguments: &[&str]) {
    let identity = [
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=ada@example.com",
        "-c",
        "init.defaultBranch=main",
    ];
    let mut command = Command::new("git");
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", folder.join("no-configuration"));
    let done = command
        .current_dir(folder)
        .args(identity)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// Writes a file and the folders above it.
pub(crate) fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Writes some files and commits everything.
pub(crate) fn commit(folder: &Path, files: &[(&str, &str)], message: &str) {
    files
        .iter()
        .for_each(|(path, text)| write(folder, path, text));
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", message]);
}
