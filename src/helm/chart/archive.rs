//! Packed charts (`redis-1.2.3.tgz`): the files in them, within limits.
//!
//! An archive in a pull request may be hostile: links, paths that lead out of it and contents that
//! unpack to a multiple of their size end in an error.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::read::MultiGzDecoder;

/// The largest file in a chart, as in Helm.
pub(super) const LARGEST_FILE: u64 = 5 << 20;

/// The largest chart when it is unpacked, as in Helm.
const LARGEST_CHART: u64 = 100 << 20;

/// The most files that an archive may have.
const MOST_FILES: usize = 20_000;

/// The most bytes that all archives of a tree may unpack to.
const MOST_IN_ALL: u64 = 1 << 30;

/// A file in an archive: its path without the first folder, and its content.
pub(super) type Member = (String, Arc<[u8]>);

/// Unpacks archives, and counts what they unpack to.
#[derive(Debug, Default)]
pub(in crate::helm) struct Unpacker {
    unpacked: AtomicU64,
}

impl Unpacker {
    /// The files in an archive. The error is a sentence about the archive.
    pub(super) fn unpack(&self, bytes: &[u8]) -> Result<Vec<Member>, String> {
        let mut archive = tar::Archive::new(MultiGzDecoder::new(bytes));
        let broken = |error: std::io::Error| format!("it is not a packed chart: {error}");
        let mut members = Vec::new();
        let mut total = 0;
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            let kind = entry.header().entry_type();
            if kind.is_dir() || kind.is_pax_global_extensions() {
                continue;
            }
            let written = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            if !kind.is_file() {
                return Err(format!("`{written}` in it is a link or a device"));
            }
            let name = inner_path(&written)?;
            if members.len() >= MOST_FILES {
                return Err(format!("it has more than {MOST_FILES} files"));
            }
            if entry.size() > LARGEST_FILE {
                let most = LARGEST_FILE >> 20;
                return Err(format!("`{written}` in it is larger than {most} MiB"));
            }
            let mut content = Vec::new();
            let limit = LARGEST_FILE + 1;
            entry
                .by_ref()
                .take(limit)
                .read_to_end(&mut content)
                .map_err(broken)?;
            total += content.len() as u64;
            self.count(content.len() as u64, total)?;
            members.push((name, content.into()));
        }
        match members.is_empty() {
            true => Err("it has no files".to_string()),
            false => Ok(members),
        }
    }

    fn count(&self, added: u64, total: u64) -> Result<(), String> {
        let all = self.unpacked.fetch_add(added, Ordering::Relaxed) + added;
        if total > LARGEST_CHART {
            let most = LARGEST_CHART >> 20;
            return Err(format!("it unpacks to more than {most} MiB"));
        }
        if all > MOST_IN_ALL {
            let most = MOST_IN_ALL >> 20;
            return Err(format!(
                "the packed charts here unpack to more than {most} MiB"
            ));
        }
        Ok(())
    }
}

/// The path of a file below the folder that every packed chart has at its top.
fn inner_path(written: &str) -> Result<String, String> {
    let outside = || format!("`{written}` in it leads out of the chart");
    let path = written.replace('\\', "/");
    let (first, rest) = path.split_once('/').ok_or_else(outside)?;
    if first == "Chart.yaml" || rest.starts_with('/') || rest.as_bytes().get(1) == Some(&b':') {
        return Err(outside());
    }
    match crate::source::join("", rest) {
        Some(name) if !name.is_empty() => Ok(name),
        _ => Err(outside()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    fn packed(fill: impl FnOnce(&mut tar::Builder<GzEncoder<Vec<u8>>>)) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        fill(&mut builder);
        builder.into_inner().unwrap().finish().unwrap()
    }

    fn add(builder: &mut tar::Builder<GzEncoder<Vec<u8>>>, name: &str, content: &[u8]) {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        // the setters of the crate refuse the paths that this is about
        let bytes = &mut header.as_old_mut().name;
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, content).unwrap();
    }

    #[test]
    fn files_lie_below_one_folder() {
        let bytes = packed(|builder| {
            add(builder, "web/Chart.yaml", b"name: web");
            add(builder, "web/templates/./a.yaml", b"a");
        });
        let members = Unpacker::default().unpack(&bytes).unwrap();
        let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Chart.yaml", "templates/a.yaml"]);
    }

    #[test]
    fn hostile_archives_are_refused() {
        let refused = |bytes: &[u8]| Unpacker::default().unpack(bytes).unwrap_err();
        for name in [
            "web/../../etc/passwd",
            "web//etc/passwd",
            "Chart.yaml",
            "web/c:/x",
        ] {
            let message = refused(&packed(|builder| add(builder, name, b"x")));
            assert!(message.contains("leads out"), "{name}: {message}");
        }
        let link = packed(|builder| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            builder
                .append_link(&mut header, "web/a", "/etc/passwd")
                .unwrap();
        });
        assert!(refused(&link).contains("is a link"));
        let zeros = vec![0u8; LARGEST_FILE as usize];
        let bomb = packed(|builder| {
            (0..25).for_each(|number| add(builder, &format!("web/{number}"), &zeros));
        });
        assert!(refused(&bomb).contains("unpacks to more than 100 MiB"));
        let large = packed(|builder| add(builder, "web/a", &[zeros.as_slice(), b"0"].concat()));
        assert!(refused(&large).contains("larger than 5 MiB"));
        let cut = packed(|builder| add(builder, "web/a", b"x"));
        assert!(refused(&cut[..20]).contains("not a packed chart"));
        assert!(refused(b"no archive").contains("not a packed chart"));
    }
}
