//! JSON-RPC 2.0: messages, and the two ways in which they are framed. An editor writes a header with
//! the length before each message, an assistant writes each message on one line.
//!
//! Every size is limited. A message that is not JSON is answered with an error, and the next one is
//! read; a header that cannot be read ends the connection, because nobody knows where the next
//! message begins.

use std::io::{self, BufRead, Read, Write};

use serde_json::{Value, json};

/// Bytes of a message. Editors send whole files, which are refused above 64 MiB.
const LONGEST: u64 = 72 << 20;

/// Bytes of a line of a header, and lines of a header.
const HEADER: (u64, usize) = (4096, 32);

/// Codes of errors, as JSON-RPC and the protocol of editors define them.
pub(super) mod code {
    pub(in crate::server) const NOT_JSON: i64 = -32700;
    pub(in crate::server) const INVALID_REQUEST: i64 = -32600;
    pub(in crate::server) const UNKNOWN_METHOD: i64 = -32601;
    pub(in crate::server) const INVALID_PARAMETERS: i64 = -32602;
    pub(in crate::server) const NOT_INITIALIZED: i64 = -32002;
    pub(in crate::server) const CANCELLED: i64 = -32800;
}

/// The end of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// `Content-Length: 20`, an empty line, and as many bytes.
    Header,
    /// A line.
    Line,
}

/// The end of a session that the other side ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As the protocol says, or by closing the stream between two messages.
    Properly,
    /// By `exit` without `shutdown`.
    Abruptly,
}

/// Why a session cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    /// The stream ended within a message.
    #[error("the client closed the connection in the middle of a message")]
    HalfMessage,
    /// The header of a message cannot be read.
    #[error("the client sent a message without a valid `Content-Length` header: {0}")]
    Header(String),
    /// A message is longer than any that is needed.
    #[error("the client sent a message of more than {} MiB", LONGEST >> 20)]
    TooLong,
    /// The stream failed.
    #[error("the connection to the client failed: {0}")]
    Stream(#[from] io::Error),
}

/// A message that was read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Message {
    /// A question that wants an answer.
    Request {
        id: Value,
        method: String,
        parameters: Value,
    },
    /// Something that the other side tells.
    Notification { method: String, parameters: Value },
    /// The answer to a question of this side.
    Answer,
    /// Something else; the error is the answer to it.
    Invalid {
        id: Value,
        code: i64,
        reason: String,
    },
}

/// Reads the next message. `None` if the stream ended before it.
pub(super) fn read(input: &mut impl BufRead, framing: Framing) -> Result<Option<Message>, Broken> {
    let bytes = match framing {
        Framing::Header => framed(input)?,
        Framing::Line => line(input)?,
    };
    Ok(bytes.map(|bytes| parsed(&bytes)))
}

/// A line that is not empty, without its end.
fn line(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, Broken> {
    loop {
        let mut bytes = Vec::new();
        input.take(LONGEST + 1).read_until(b'\n', &mut bytes)?;
        if bytes.len() as u64 > LONGEST {
            return Err(Broken::TooLong);
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        if !bytes.ends_with(b"\n") && !is_whole(&bytes) {
            return Err(Broken::HalfMessage);
        }
        if !bytes.trim_ascii().is_empty() {
            return Ok(Some(bytes));
        }
    }
}

/// True if the last line, which has no end, is a message all the same.
fn is_whole(bytes: &[u8]) -> bool {
    bytes.trim_ascii().is_empty() || serde_json::from_slice::<Value>(bytes).is_ok()
}

/// The bytes of a message behind its header.
fn framed(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, Broken> {
    let Some(length) = length(input)? else {
        return Ok(None);
    };
    if length > LONGEST {
        return Err(Broken::TooLong);
    }
    // grows with what arrives, not with what is claimed
    let mut bytes = Vec::new();
    input.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(Broken::HalfMessage);
    }
    Ok(Some(bytes))
}

/// The length in the header of the next message.
fn length(input: &mut impl BufRead) -> Result<Option<u64>, Broken> {
    let mut length = None;
    let (longest, lines) = HEADER;
    for number in 0..lines {
        let mut bytes = Vec::new();
        input.take(longest).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() && number == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&bytes);
        if !text.ends_with('\n') {
            return Err(match bytes.len() as u64 == longest {
                true => Broken::Header(format!("a line has more than {longest} bytes")),
                false => Broken::HalfMessage,
            });
        }
        let text = text.trim();
        if text.is_empty() {
            return length
                .map(Some)
                .ok_or_else(|| Broken::Header("there is none".to_string()));
        }
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        if name.trim().eq_ignore_ascii_case("content-length") {
            let value = value.trim();
            let number = value.parse().map_err(|_| {
                let shown: String = value.chars().take(40).collect();
                Broken::Header(format!("{shown:?} is not a number"))
            })?;
            length = Some(number);
        } else if !name.trim().eq_ignore_ascii_case("content-type") {
            let shown: String = text.chars().take(40).collect();
            return Err(Broken::Header(format!("{shown:?} is not a header")));
        }
    }
    Err(Broken::Header("there is none".to_string()))
}

fn parsed(bytes: &[u8]) -> Message {
    let invalid = |id: &Value, code: i64, reason: String| Message::Invalid {
        id: id.clone(),
        code,
        reason,
    };
    let mut value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(error) => {
            return invalid(
                &Value::Null,
                code::NOT_JSON,
                format!("the message is not JSON: {error}"),
            );
        }
    };
    if !value.is_object() {
        let reason = "a message is a JSON object; batches are not supported".to_string();
        return invalid(&Value::Null, code::INVALID_REQUEST, reason);
    }
    let id = value.get("id").cloned();
    let is_id = |id: &Value| id.is_string() || id.is_i64() || id.is_u64();
    let known = id.clone().filter(is_id).unwrap_or_default();
    if value.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        let reason = "the message lacks `\"jsonrpc\": \"2.0\"`".to_string();
        return invalid(&known, code::INVALID_REQUEST, reason);
    }
    let parameters = value.get_mut("params").map(Value::take).unwrap_or_default();
    let method = value.get("method").and_then(Value::as_str);
    match (method, id) {
        (Some(method), Some(id)) if is_id(&id) => Message::Request {
            id,
            method: method.to_string(),
            parameters,
        },
        (Some(_), Some(_)) => {
            let reason = "the `id` of a request is a string or a whole number".to_string();
            invalid(&known, code::INVALID_REQUEST, reason)
        }
        (Some(method), None) => Message::Notification {
            method: method.to_string(),
            parameters,
        },
        (None, Some(_)) if value.get("result").is_some() || value.get("error").is_some() => {
            Message::Answer
        }
        (None, _) => {
            let reason = "the message has no `method`".to_string();
            invalid(&known, code::INVALID_REQUEST, reason)
        }
    }
}

/// Writes a message.
pub(super) fn write(
    output: &mut impl Write,
    framing: Framing,
    message: &Value,
) -> Result<(), Broken> {
    let text = message.to_string();
    match framing {
        Framing::Header => write!(output, "Content-Length: {}\r\n\r\n{text}", text.len())?,
        Framing::Line => writeln!(output, "{text}")?,
    }
    output.flush()?;
    Ok(())
}

/// The answer to a request.
pub(super) fn answer(id: &Value, result: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "result": result})
}

/// The answer to a request that cannot be answered.
pub(super) fn failure(id: &Value, code: i64, reason: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": reason}})
}

/// Something that the other side has to know.
pub(super) fn notification(method: &str, parameters: Value) -> Value {
    json!({"jsonrpc": "2.0", "method": method, "params": parameters})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(text: &str, framing: Framing) -> (Vec<Message>, Option<Broken>) {
        let mut input = text.as_bytes();
        let mut found = Vec::new();
        loop {
            match read(&mut input, framing) {
                Ok(Some(message)) => found.push(message),
                Ok(None) => return (found, None),
                Err(broken) => return (found, Some(broken)),
            }
        }
    }

    fn framed(text: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{text}", text.len())
    }

    #[test]
    fn messages_are_read_in_both_framings() {
        let text = r#"{"jsonrpc":"2.0","id":1,"method":"hover","params":{"a":"ü"}}"#;
        let wanted = Message::Request {
            id: json!(1),
            method: "hover".to_string(),
            parameters: json!({"a": "ü"}),
        };
        let header = framed(text) + &framed(text);
        let (found, broken) = messages(&header, Framing::Header);
        assert_eq!(found, [wanted.clone(), wanted.clone()]);
        assert!(broken.is_none());
        let lines = format!("\n{text}\r\n\n{text}");
        let (found, broken) = messages(&lines, Framing::Line);
        assert_eq!(found, [wanted.clone(), wanted]);
        assert!(broken.is_none());
    }

    #[test]
    fn wrong_messages_are_answered_and_wrong_headers_end_the_session() {
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        for text in [
            "{",
            "[]",
            "1",
            r#"{"id":1,"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":[],"method":"x"}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            &deep,
        ] {
            let (found, broken) = messages(&framed(text), Framing::Header);
            assert!(matches!(found[..], [Message::Invalid { .. }]), "{text}");
            assert!(broken.is_none());
        }
        for text in [
            "Content-Length: 99999999999999\r\n\r\n{}",
            "Content-Length: -1\r\n\r\n{}",
            "Content-Length: 5\r\n\r\n{}",
            "Content-Length: 5",
            "GET / HTTP/1.1\r\n\r\n",
            "\r\n\r\n",
            &"x".repeat(10_000),
        ] {
            let (found, broken) = messages(text, Framing::Header);
            assert!(found.is_empty() && broken.is_some(), "{text}");
        }
        let (found, broken) = messages("{\"jsonrpc\":\"2.0\",\"me", Framing::Line);
        assert!(found.is_empty() && matches!(broken, Some(Broken::HalfMessage)));
    }
}
