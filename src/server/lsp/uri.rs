//! Addresses of documents: `file:///work/apps/api/base/service.yaml`.

use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

/// The path of an address. `None` for other schemes, for addresses on other hosts, and for bytes
/// that are not UTF-8.
pub(super) fn path_of(uri: &str) -> Option<PathBuf> {
    let rest = uri.strip_prefix("file://")?;
    let (host, path) = rest.split_at(rest.find('/')?);
    if !matches!(host, "" | "localhost") {
        return None;
    }
    let path = decoded(path)?;
    // on Windows, a drive follows the slash
    let drive = path.get(1..).filter(|rest| {
        let mut characters = rest.chars();
        cfg!(windows)
            && characters.next().is_some_and(|c| c.is_ascii_alphabetic())
            && characters.next() == Some(':')
    });
    Some(PathBuf::from(drive.unwrap_or(&path)))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let value = digit(rest.next()?)? * 16 + digit(rest.next()?)?;
        bytes.push(u8::try_from(value).ok().filter(|byte| *byte != 0)?);
    }
    String::from_utf8(bytes).ok()
}

/// The address of a path.
pub(super) fn uri_of(path: &Path) -> String {
    let mut uri = String::from("file://");
    for part in path.components() {
        let text = match part {
            Component::RootDir => continue,
            other => other.as_os_str().to_string_lossy(),
        };
        uri.push('/');
        for byte in text.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                    uri.push(char::from(byte));
                }
                other => _ = write!(uri, "%{other:02X}"),
            }
        }
    }
    uri
}

/// The path of something with links resolved. The file itself may not exist yet.
pub(super) fn real(path: &Path) -> Option<PathBuf> {
    let known = path.canonicalize().ok();
    known.or_else(|| Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?)))
}

/// The path below the root, `/`-separated; `None` outside of it.
pub(super) fn below(root: &Path, path: &Path) -> Option<String> {
    real_below(root, &real(path)?)
}

/// The same for a path without links.
pub(super) fn real_below(root: &Path, path: &Path) -> Option<String> {
    let mut parts = Vec::new();
    for part in path.strip_prefix(root).ok()?.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_str()?),
            _ => return None,
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn addresses_are_decoded_and_encoded() {
        let path = Path::new("/work/a b/ü#.yaml");
        assert_eq!(uri_of(path), "file:///work/a%20b/%C3%BC%23.yaml");
        assert_eq!(path_of(&uri_of(path)).as_deref(), Some(path));
        for wrong in [
            "untitled:Untitled-1",
            "file://host/x",
            "file:///%zz",
            "file:///%",
            "file:///%ff",
            "file:///a%00b",
            "",
        ] {
            assert_eq!(path_of(wrong), None, "{wrong}");
        }
    }
}
