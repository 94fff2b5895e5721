//! Fields and values of objects as messages show them.

use crate::yaml::unescape_pointer;

/// A pointer as people write the path of a field: `spec.containers[0].image`.
pub(in crate::rules) fn readable(pointer: &str) -> String {
    let mut path = String::new();
    for token in pointer.split('/').skip(1) {
        if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit()) {
            path.push_str(&format!("[{token}]"));
            continue;
        }
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(&unescape_pointer(token));
    }
    path
}

/// A value as a message shows it.
pub(in crate::rules) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
