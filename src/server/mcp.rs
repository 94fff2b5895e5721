//! The server side of the Model Context Protocol: an assistant lists tools and calls them, one
//! message a line.
//!
//! Not here: the tools (`cli::mcp`).

use std::io::{BufRead, Write};

use serde_json::{Value, json};

use super::rpc::{self, Broken, Ended, Framing, Message, code};

/// The versions of the protocol, the newest first. Tools are the same in all of them.
const VERSIONS: [&str; 3] = ["2025-06-18", "2025-03-26", "2024-11-05"];

/// A tool, as the assistant sees it.
pub(crate) struct Tool {
    /// Its name.
    pub(crate) name: &'static str,
    /// A title for people.
    pub(crate) title: &'static str,
    /// When to use it.
    pub(crate) description: &'static str,
    /// The JSON Schema of its arguments.
    pub(crate) input: Value,
    /// The JSON Schema of its result.
    pub(crate) output: Value,
}

/// The tools of a server.
pub(crate) trait Tools {
    /// All of them.
    fn list(&self) -> Vec<Tool>;
    /// Calls one. The error is a sentence, from which the assistant learns what to do instead.
    fn call(&self, name: &str, arguments: &Value) -> Result<Value, String>;
    /// When to use the tools.
    fn instructions(&self) -> &'static str;
}

/// Serves an assistant until it closes the stream.
pub(crate) fn serve(
    mut input: impl BufRead,
    mut output: impl Write,
    tools: &dyn Tools,
) -> Result<Ended, Broken> {
    loop {
        let answer = match rpc::read(&mut input, Framing::Line) {
            Ok(None) => return Ok(Ended::Properly),
            Ok(Some(message)) => answered(message, tools),
            Err(broken) => {
                let reason = broken.to_string();
                let answer = rpc::failure(&Value::Null, code::INVALID_REQUEST, &reason);
                // nobody may be there to read it
                let _ = rpc::write(&mut output, Framing::Line, &answer);
                return Err(broken);
            }
        };
        if let Some(answer) = answer {
            rpc::write(&mut output, Framing::Line, &answer)?;
        }
    }
}

/// The answer to a message, if it wants one.
fn answered(message: Message, tools: &dyn Tools) -> Option<Value> {
    match message {
        Message::Request {
            id,
            method,
            parameters,
        } => Some(match result(&method, &parameters, tools) {
            Ok(result) => rpc::answer(&id, result),
            Err((code, reason)) => rpc::failure(&id, code, &reason),
        }),
        Message::Notification { .. } | Message::Answer => None,
        Message::Invalid { id, code, reason } => Some(rpc::failure(&id, code, &reason)),
    }
}

fn result(method: &str, parameters: &Value, tools: &dyn Tools) -> Result<Value, (i64, String)> {
    match method {
        "initialize" => Ok(initialized(parameters, tools)),
        "ping" => Ok(json!({})),
        "tools/list" => {
            let all = tools.list();
            Ok(json!({"tools": all.iter().map(described).collect::<Vec<Value>>()}))
        }
        "tools/call" => {
            let name = parameters.get("name").and_then(Value::as_str);
            let all = tools.list();
            let known = name.filter(|name| all.iter().any(|tool| tool.name == *name));
            let Some(name) = known else {
                let names: Vec<&str> = all.iter().map(|tool| tool.name).collect();
                let reason = format!("unknown tool; the tools are {}", names.join(", "));
                return Err((code::INVALID_PARAMETERS, reason));
            };
            let none = json!({});
            let arguments = parameters.get("arguments").unwrap_or(&none);
            Ok(called(tools.call(name, arguments)))
        }
        _ => Err((code::UNKNOWN_METHOD, format!("unknown method `{method}`"))),
    }
}

fn initialized(parameters: &Value, tools: &dyn Tools) -> Value {
    let wanted = parameters.get("protocolVersion").and_then(Value::as_str);
    let [newest, ..] = VERSIONS;
    let version = VERSIONS.into_iter().find(|known| Some(*known) == wanted);
    json!({
        "protocolVersion": version.unwrap_or(newest),
        "capabilities": {"tools": {"listChanged": false}},
        "serverInfo": {"name": "gitops-lint", "version": env!("CARGO_PKG_VERSION")},
        "instructions": tools.instructions(),
    })
}

fn described(tool: &Tool) -> Value {
    json!({
        "name": tool.name, "title": tool.title, "description": tool.description,
        "inputSchema": tool.input, "outputSchema": tool.output,
        "annotations": {
            "title": tool.title, "readOnlyHint": true, "idempotentHint": true, "openWorldHint": false,
        },
    })
}

/// The result of a call. An error of a tool is a result as well, so that the assistant reads it.
fn called(result: Result<Value, String>) -> Value {
    match result {
        Ok(value) => json!({
            "content": [{"type": "text", "text": value.to_string()}],
            "structuredContent": value,
            "isError": false,
        }),
        Err(reason) => json!({
            "content": [{"type": "text", "text": reason}],
            "isError": true,
        }),
    }
}
