//! Opening files that somebody else may have put there.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// Opening with this flag does not wait for the other end of a FIFO.
#[cfg(target_os = "linux")]
const NONBLOCK: i32 = 0o4000;
#[cfg(all(unix, not(target_os = "linux")))]
const NONBLOCK: i32 = 0x4;

/// Opens a regular file. A FIFO or device of that name is an error, also if it took the place of a
/// file after that was listed.
pub(super) fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(NONBLOCK);
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::other("it is not a regular file"))
    }
}

/// The largest file of Git's own that is read as a whole, such as `.git` of a submodule.
const SMALL: u64 = 64 << 10;

/// The text of a small file.
pub(super) fn read_small(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let size = open_regular(path)?
        .take(SMALL + 1)
        .read_to_string(&mut text)?;
    if size as u64 > SMALL {
        return Err(io::Error::other("it is too large"));
    }
    Ok(text)
}
