//! `urlParse` and `urlJoin`.

use super::dicts::map_of;
use super::{Call, Function, fixed};
use crate::template::bytes;
use crate::template::error::Problem;
use crate::template::value::{Type, Value};

pub(super) static FUNCTIONS: &[Function] = &[
    fixed("urlParse", &[Type::String], |call| {
        let parts = parse(call.str(0)).map_err(|message| {
            format!("unable to parse url: parse {:?}: {message}", call.str(0))
        })?;
        let host = parts.host.clone();
        let pairs = [
            ("scheme", parts.scheme),
            ("hostname", hostname(&host).to_string()),
            ("host", parts.host),
            ("path", parts.path),
            ("query", parts.query),
            ("opaque", parts.opaque),
            ("fragment", parts.fragment),
            ("userinfo", parts.user.unwrap_or_default()),
        ];
        Ok(Value::map(map_of(pairs, &call.inputs())))
    }),
    fixed("urlJoin", &[Type::Map], join),
];

/// The parts of a URL. Path and fragment are decoded.
#[derive(Debug, Default)]
pub(crate) struct Url {
    /// `https`
    pub(crate) scheme: String,
    /// The text behind a scheme without a slash: the address of `mailto:`.
    pub(crate) opaque: String,
    /// Name and password.
    pub(crate) user: Option<String>,
    /// The name, and the port behind a colon.
    pub(crate) host: String,
    /// The path.
    pub(crate) path: String,
    /// The text behind the question mark.
    pub(crate) query: String,
    /// The text behind the hash.
    pub(crate) fragment: String,
}

/// Reads a URL as Go's `net/url` does.
///
/// # Errors
/// Go's message for what is wrong.
pub(crate) fn parse(text: &str) -> Result<Url, String> {
    if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return Err("net/url: invalid control character in URL".into());
    }
    let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
    let mut parts = Url {
        fragment: decode(fragment, Part::Fragment)?,
        ..Url::default()
    };
    if rest == "*" {
        parts.path = "*".into();
        return Ok(parts);
    }
    let (scheme, rest) = scheme(rest)?;
    parts.scheme = scheme.to_lowercase();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    parts.query = query.to_string();
    if !rest.starts_with('/') {
        if !parts.scheme.is_empty() {
            parts.opaque = rest.to_string();
            return Ok(parts);
        }
        if rest
            .split('/')
            .next()
            .is_some_and(|first| first.contains(':'))
        {
            return Err("first path segment in URL cannot contain colon".into());
        }
    }
    let mut path = rest;
    let has_authority =
        rest.starts_with("//") && (!parts.scheme.is_empty() || !rest.starts_with("///"));
    if has_authority {
        let inner = &rest[2..];
        let (authority, after) = inner.split_at(inner.find('/').unwrap_or(inner.len()));
        path = after;
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        parts.user = user.map(user_info).transpose()?;
        parts.host = checked_host(host)?;
    }
    parts.path = decode(path, Part::Path)?;
    Ok(parts)
}

/// The scheme in front of a colon, and the rest.
fn scheme(text: &str) -> Result<(&str, &str), String> {
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return Err("missing protocol scheme".into()),
            ':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

fn user_info(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !text.chars().all(allowed) {
        return Err("net/url: invalid userinfo".into());
    }
    let (name, password) = match text.split_once(':') {
        Some((name, password)) => (name, Some(password)),
        None => (text, None),
    };
    let again = |part: &str| Ok::<_, String>(encode(&decode(part, Part::Path)?, "-_.~$&+,;="));
    let mut out = again(name)?;
    if let Some(password) = password {
        out.push(':');
        out.push_str(&again(password)?);
    }
    Ok(out)
}

fn checked_host(host: &str) -> Result<String, String> {
    let port = match host.rfind(']') {
        Some(end) => &host[end + 1..],
        None => host.rfind(':').map_or("", |at| &host[at..]),
    };
    let digits = port.strip_prefix(':').unwrap_or(port);
    if !digits.bytes().all(|byte| byte.is_ascii_digit())
        || !port.is_empty() && !port.starts_with(':')
    {
        return Err(format!("invalid port {port:?} after host"));
    }
    if let Some(bad) = host.chars().find(|c| {
        matches!(
            c,
            ' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}'
        )
    }) {
        return Err(format!(
            "invalid character {:?} in host name",
            bad.to_string()
        ));
    }
    decode(host, Part::Host)
}

fn hostname(host: &str) -> &str {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.split_once(']').map_or(host, |(name, _)| name);
    }
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Path,
    Fragment,
    Host,
}

fn decode(text: &str, part: Part) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let digits = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let value = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match value {
            Some(value) if part != Part::Host || value >= 0x80 => bytes.push(value),
            _ => {
                let shown = String::from_utf8_lossy(&rest[..rest.len().min(3)]);
                return Err(format!("invalid URL escape {shown:?}"));
            }
        }
        rest = &after[2..];
    }
    Ok(bytes::to_string(&bytes))
}

fn encode(text: &str, kept: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in bytes::of_string(text).iter().copied() {
        match char::from(byte) {
            c if c.is_ascii_alphanumeric() || kept.contains(c) && c.is_ascii() => out.push(c),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn join(call: &mut Call<'_>) -> Result<Value, Problem> {
    let part = |key: &str| match call.map(0).and_then(|map| map.get(key)) {
        None => Ok(String::new()),
        Some(value) => match value.as_str() {
            Some(text) => Ok(text.to_string()),
            None => Err(format!(
                "unable to parse {key} key, must be of type string, but {} found",
                value.kind_name()
            )),
        },
    };
    let (scheme, host, path) = (part("scheme")?, part("host")?, part("path")?);
    let (query, opaque, fragment) = (part("query")?, part("opaque")?, part("fragment")?);
    let user = part("userinfo")?;
    let mut out = String::new();
    if !scheme.is_empty() {
        out.push_str(&format!("{scheme}:"));
    }
    if !opaque.is_empty() {
        out.push_str(&opaque);
    } else {
        if !scheme.is_empty() || !host.is_empty() || !user.is_empty() {
            if !host.is_empty() || !path.is_empty() || !user.is_empty() {
                out.push_str("//");
            }
            if !user.is_empty() {
                out.push_str(&format!("{}@", user_info(&user)?));
            }
            out.push_str(&encode(&host, "-_.~!$&'()*+,;=:[]<>\""));
        }
        let escaped = encode(&path, "-_.~$&+,/:;=@!'()*");
        if !escaped.is_empty() && !escaped.starts_with('/') && !host.is_empty() {
            out.push('/');
        }
        let first = escaped.split('/').next().unwrap_or_default();
        if out.is_empty() && first.contains(':') {
            out.push_str("./");
        }
        out.push_str(&escaped);
    }
    if !query.is_empty() {
        out.push_str(&format!("?{query}"));
    }
    if !fragment.is_empty() {
        out.push_str(&format!("#{}", encode(&fragment, "-_.~$&+,/:;=?@!()*'")));
    }
    let mut inputs = call.value(0).inputs.clone();
    for (_, entry) in call.map(0).map(|map| map.entries()).unwrap_or_default() {
        inputs.extend(&entry.value.inputs());
    }
    Ok(Value::string(out).with_inputs(inputs))
}
