//! A client of the servers `lsp` and `mcp`: writes messages to the program and reads its answers.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::{Run, command};

/// Nothing that is asked takes longer.
const LONGEST: Duration = Duration::from_secs(60);

/// The program as a server.
pub(crate) struct Server {
    child: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    /// True if messages have a header, as those of editors.
    headers: bool,
    next: i64,
}

impl Server {
    /// Starts the program.
    pub(crate) fn start(folder: &Path, arguments: &[&str], headers: bool) -> Server {
        let mut child = command(folder, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            let mut output = output;
            while let Some(message) = read(&mut output, headers) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        Server {
            input: child.stdin.take(),
            child,
            messages,
            headers,
            next: 0,
        }
    }

    /// Writes bytes as they are.
    pub(crate) fn raw(&mut self, text: &str) {
        let input = self.input.as_mut().unwrap();
        // the server may have ended, which the test then sees
        let _ = input.write_all(text.as_bytes());
        let _ = input.flush();
    }

    /// Sends a text as a message.
    pub(crate) fn send_text(&mut self, text: &str) {
        if self.headers {
            self.raw(&format!("Content-Length: {}\r\n\r\n{text}", text.len()));
        } else {
            self.raw(&format!("{text}\n"));
        }
    }

    /// Sends a notification.
    pub(crate) fn tell(&mut self, method: &str, parameters: Value) {
        let message = json!({"jsonrpc": "2.0", "method": method, "params": parameters});
        self.send_text(&message.to_string());
    }

    /// Sends a request and returns its number.
    pub(crate) fn request(&mut self, method: &str, parameters: Value) -> i64 {
        self.next += 1;
        let message =
            json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": parameters});
        self.send_text(&message.to_string());
        self.next
    }

    /// Sends a request and waits for the whole answer. Other messages are passed over.
    pub(crate) fn ask_raw(&mut self, method: &str, parameters: Value) -> Value {
        let id = self.request(method, parameters);
        self.wait(|message| message["id"] == json!(id) && message.get("method").is_none())
    }

    /// Sends a request and waits for its result.
    #[track_caller]
    pub(crate) fn ask(&mut self, method: &str, parameters: Value) -> Value {
        let mut answer = self.ask_raw(method, parameters);
        assert!(answer.get("error").is_none(), "{answer}");
        answer["result"].take()
    }

    /// Waits for a message.
    pub(crate) fn wait(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.messages.recv_timeout(LONGEST);
            let message = message.expect("the server answers");
            if wanted(&message) {
                return message;
            }
        }
    }

    /// Closes the streams and waits for the end.
    pub(crate) fn end(mut self) -> Run {
        drop(self.input.take());
        Run::new(self.child.wait_with_output().unwrap())
    }

    /// Waits until the program ends by itself.
    pub(crate) fn ended(self) -> Run {
        let Server { child, input, .. } = self;
        let run = Run::new(child.wait_with_output().unwrap());
        drop(input);
        run
    }
}

fn read(output: &mut impl BufRead, headers: bool) -> Option<Value> {
    let mut line = String::new();
    if !headers {
        output.read_line(&mut line).ok()?;
        return serde_json::from_str(&line).ok();
    }
    let mut length = 0;
    loop {
        line.clear();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim() {
            "" => break,
            header => length = header.strip_prefix("Content-Length: ")?.parse().ok()?,
        }
    }
    let mut bytes = vec![0; length];
    output.read_exact(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}
