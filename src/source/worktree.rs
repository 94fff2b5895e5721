//! The files of a folder on disk.
