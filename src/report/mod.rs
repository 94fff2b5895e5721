//! Formats: one file each, all from the same sorted list of findings.
