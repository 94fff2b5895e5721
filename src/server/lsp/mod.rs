//! A language server: findings while typing, where a value comes from, fixes.
//!
//! One thread reads messages, one works on them, and one checks everything after an edit that was
//! judged in part. Edits are judged after a short pause. The result of a check is dropped if its text
//! changed meanwhile.
//!
//! `session` holds the repo and judges, `documents` are the open texts, `diagnostics`, `hover`,
//! `definition` and `actions` write answers, `values` finds what stands below a cursor, and `uri`
//! reads addresses. Not here: loading a repo from disk (`cli`), which a [`Host`] does.

mod actions;
mod definition;
mod diagnostics;
mod documents;
mod hover;
mod past;
mod session;
mod uri;
mod values;

use std::collections::{BTreeSet, VecDeque};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use jiff::ZonedDateTime;
use serde_json::{Value, json};

use super::rpc::{self, Broken, Ended, Framing, Message, code};
use crate::config::CONFIG_FILE;
use crate::source::{EditorPosition, SourceFile};
use documents::Documents;
pub(crate) use session::Loaded;
use session::{Checked, Session};
use values::Place;

/// The pause after an edit before it is judged.
const PAUSE: Duration = Duration::from_millis(25);

/// The pause after an edit that was judged in part before everything is judged.
const REST: Duration = Duration::from_millis(700);

/// Versions of texts that are kept in memory before the repo is loaded again.
const VERSIONS: usize = 2000;

/// Changed files from which on the repo is loaded again.
const CHANGED: usize = 200;

/// Messages that wait; an editor that sends more has to wait itself.
const WAITING: usize = 1024;

/// The ends of the names of files that are only read from disk.
const STEERING: [&str; 5] = [
    CONFIG_FILE,
    ".rego",
    ".gitignore",
    ".gitmodules",
    "CODEOWNERS",
];

/// The parts of the process around it that the server uses.
pub(crate) trait Host {
    /// Loads the repo around a folder. The error is a sentence.
    fn load(&self, folder: &Path) -> Result<Loaded, String>;
    /// The time.
    fn now(&self) -> ZonedDateTime;
    /// The folder to check if the editor names none.
    fn folder(&self) -> PathBuf;
}

/// Something that happened.
enum Event {
    Message(Message),
    /// The stream ended; the error, if it should not have.
    Closed(Option<Broken>),
    /// The check of everything, with the number of the edit that it is about.
    Whole(usize, Checked),
}

/// Serves an editor until it ends the session.
pub(crate) fn serve<H: Host>(
    input: impl BufRead + Send + 'static,
    output: impl Write,
    host: H,
) -> Result<Ended, Broken> {
    let (sender, receiver) = sync_channel(WAITING);
    let for_reader = sender.clone();
    thread::spawn(move || forward(input, &for_reader));
    let mut server = Server {
        output,
        host,
        sender,
        phase: Phase::New,
        folder: PathBuf::new(),
        watches: false,
        documents: Documents::default(),
        session: None,
        latest: None,
        published: BTreeSet::new(),
        edits: 0,
        is_stale: false,
        due: None,
        whole_due: None,
        is_checking: false,
        waiting: VecDeque::new(),
    };
    server.run(&receiver)
}

/// Passes on what arrives, until the stream ends.
fn forward(mut input: impl BufRead, sender: &SyncSender<Event>) {
    loop {
        let event = match rpc::read(&mut input, Framing::Header) {
            Ok(Some(message)) => Event::Message(message),
            Ok(None) => Event::Closed(None),
            Err(broken) => Event::Closed(Some(broken)),
        };
        let is_last = matches!(event, Event::Closed(_));
        if sender.send(event).is_err() || is_last {
            return;
        }
    }
}

/// The stages of a session.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    New,
    Running,
    ShutDown,
}

struct Server<H, W> {
    output: W,
    host: H,
    /// For the results of checks in other threads.
    sender: SyncSender<Event>,
    phase: Phase,
    /// The folder that the editor shows.
    folder: PathBuf,
    /// True if the editor can tell which files change on disk.
    watches: bool,
    documents: Documents,
    session: Option<Session>,
    latest: Option<Checked>,
    /// The paths of files whose findings the editor shows.
    published: BTreeSet<String>,
    /// The number of edits so far.
    edits: usize,
    /// True if files on disk came or went that the session does not know.
    is_stale: bool,
    due: Option<Instant>,
    whole_due: Option<Instant>,
    /// True while another thread checks everything.
    is_checking: bool,
    /// The messages that arrived during a check.
    waiting: VecDeque<Event>,
}

impl<H: Host, W: Write> Server<H, W> {
    fn run(&mut self, receiver: &Receiver<Event>) -> Result<Ended, Broken> {
        loop {
            match self.next(receiver) {
                Some(Event::Message(Message::Notification { method, .. })) if method == "exit" => {
                    return Ok(match self.phase {
                        Phase::ShutDown => Ended::Properly,
                        _ => Ended::Abruptly,
                    });
                }
                Some(Event::Message(message)) => self.message(message)?,
                Some(Event::Closed(None)) => return Ok(Ended::Properly),
                Some(Event::Closed(Some(broken))) => {
                    let answer =
                        rpc::failure(&Value::Null, code::INVALID_REQUEST, &broken.to_string());
                    // nobody may be there to read it
                    let _ = self.send(&answer);
                    return Err(broken);
                }
                Some(Event::Whole(edit, checked)) => {
                    self.is_checking = false;
                    if edit == self.edits {
                        self.publish(checked)?;
                    }
                }
                None if self.due.is_some_and(|due| due <= Instant::now()) => {
                    self.check(receiver)?;
                }
                None => self.check_whole(),
            }
        }
    }

    /// The next event; `None` when a check is due.
    fn next(&mut self, receiver: &Receiver<Event>) -> Option<Event> {
        if let Some(event) = self.waiting.pop_front() {
            return Some(event);
        }
        let due = [self.due, self.whole_due].into_iter().flatten().min();
        let Some(due) = due else {
            return Some(receiver.recv().unwrap_or(Event::Closed(None)));
        };
        match receiver.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Event::Closed(None)),
        }
    }

    fn send(&mut self, message: &Value) -> Result<(), Broken> {
        rpc::write(&mut self.output, Framing::Header, message)
    }

    fn message(&mut self, message: Message) -> Result<(), Broken> {
        match message {
            Message::Request {
                id,
                method,
                parameters,
            } => {
                let answer = match self.request(&id, &method, &parameters) {
                    Ok(result) => rpc::answer(&id, result),
                    Err((code, reason)) => rpc::failure(&id, code, &reason),
                };
                self.send(&answer)
            }
            Message::Notification { method, parameters } => self.notified(&method, &parameters),
            Message::Answer => Ok(()),
            Message::Invalid { id, code, reason } => self.send(&rpc::failure(&id, code, &reason)),
        }
    }

    fn request(&mut self, id: &Value, method: &str, parameters: &Value) -> Answer {
        if self.is_cancelled(id) {
            return Err((code::CANCELLED, "the request was cancelled".to_string()));
        }
        match (self.phase, method) {
            (Phase::New, "initialize") => Ok(self.initialize(parameters)),
            (Phase::New, _) => Err((
                code::NOT_INITIALIZED,
                "`initialize` must be the first request".to_string(),
            )),
            (_, "initialize") => Err(invalid("the session is initialized already")),
            (Phase::ShutDown, _) => {
                Err((code::INVALID_REQUEST, "the server is shut down".to_string()))
            }
            (_, "shutdown") => {
                self.phase = Phase::ShutDown;
                Ok(Value::Null)
            }
            (_, "textDocument/hover") => self.hover(parameters),
            (_, "textDocument/definition") => self.definition(parameters),
            (_, "textDocument/codeAction") => self.code_actions(parameters),
            _ => Err((code::UNKNOWN_METHOD, format!("unknown method `{method}`"))),
        }
    }

    /// True if the cancellation of a request arrived while it waited.
    fn is_cancelled(&self, id: &Value) -> bool {
        self.waiting.iter().any(|event| match event {
            Event::Message(Message::Notification { method, parameters }) => {
                method == "$/cancelRequest" && parameters.get("id") == Some(id)
            }
            _ => false,
        })
    }

    fn initialize(&mut self, parameters: &Value) -> Value {
        self.phase = Phase::Running;
        let text = |pointer: &str| parameters.pointer(pointer).and_then(Value::as_str);
        let uri = text("/workspaceFolders/0/uri").or(text("/rootUri"));
        let named = uri.and_then(uri::path_of);
        let named = named.or_else(|| text("/rootPath").map(PathBuf::from));
        self.folder = named.unwrap_or_else(|| self.host.folder());
        let dynamic = "/capabilities/workspace/didChangeWatchedFiles/dynamicRegistration";
        self.watches = parameters.pointer(dynamic) == Some(&Value::Bool(true));
        json!({
            "capabilities": {
                "positionEncoding": "utf-16",
                "textDocumentSync": {"openClose": true, "change": 1, "save": {"includeText": false}},
                "hoverProvider": true,
                "definitionProvider": true,
                "codeActionProvider": {"codeActionKinds": ["quickfix"]},
                "workspace": {"workspaceFolders": {"supported": false}},
            },
            "serverInfo": {"name": "gitops-lint", "version": env!("CARGO_PKG_VERSION")},
        })
    }

    fn notified(&mut self, method: &str, parameters: &Value) -> Result<(), Broken> {
        if self.phase != Phase::Running {
            return Ok(());
        }
        match method {
            "initialized" => {
                self.watch()?;
                self.load()
            }
            "textDocument/didOpen" => {
                let opened = self.documents.open(parameters);
                self.edited(opened)
            }
            "textDocument/didChange" => {
                let changed = self.documents.change(parameters);
                self.edited(changed)
            }
            "textDocument/didSave" => self.saved(parameters),
            "textDocument/didClose" => {
                let closed = self.documents.close(parameters);
                self.edited(closed)
            }
            "workspace/didChangeWatchedFiles" => {
                let changes = parameters.get("changes").and_then(Value::as_array);
                let changes = changes.map_or(&[][..], Vec::as_slice);
                let uris = changes
                    .iter()
                    .filter_map(|change| change.get("uri")?.as_str());
                for uri in uris.map(str::to_string).collect::<Vec<_>>() {
                    self.edited(Ok(uri))?;
                }
                Ok(())
            }
            // everything else is optional
            _ => Ok(()),
        }
    }

    /// Asks the editor to tell which files change on disk.
    fn watch(&mut self) -> Result<(), Broken> {
        if !self.watches {
            return Ok(());
        }
        let globs = [
            "**/*.{yaml,yml,json,env,properties,tpl,rego,toml,txt,conf}",
            "**/CODEOWNERS",
        ];
        let watchers: Vec<Value> = globs
            .iter()
            .map(|glob| json!({"globPattern": glob}))
            .collect();
        let registration = json!({
            "id": "files", "method": "workspace/didChangeWatchedFiles",
            "registerOptions": {"watchers": watchers},
        });
        self.send(&json!({
            "jsonrpc": "2.0", "id": "watch", "method": "client/registerCapability",
            "params": {"registrations": [registration]},
        }))
    }

    /// Loads the repo and checks it. The open documents count with their texts.
    fn load(&mut self) -> Result<(), Broken> {
        // a check that is running is about the repo before
        self.edits += 1;
        match self.host.load(&self.folder) {
            Ok(loaded) => {
                let mut session = Session::new(loaded, self.host.now());
                for (path, text) in self.documents.below(&session.loaded.root) {
                    session.set(&path, Some(&text));
                }
                self.session = Some(session);
                self.due = Some(Instant::now());
                Ok(())
            }
            Err(reason) => {
                self.session = None;
                self.publish_mistakes()?;
                self.complain(&format!("gitops-lint checks nothing: {reason}"))
            }
        }
    }

    /// Shows the mistakes in the configuration, because of which nothing is checked.
    fn publish_mistakes(&mut self) -> Result<(), Broken> {
        let Some(root) = uri::real(&self.folder) else {
            return Ok(());
        };
        let diagnostics = self.documents.mistakes(&root, None);
        if diagnostics.is_empty() {
            return Ok(());
        }
        // the next check takes them away
        self.published.insert(CONFIG_FILE.to_string());
        let uri = self.documents.address(&root, CONFIG_FILE);
        let parameters = json!({"uri": uri, "diagnostics": diagnostics});
        self.send(&rpc::notification(
            "textDocument/publishDiagnostics",
            parameters,
        ))
    }

    fn complain(&mut self, message: &str) -> Result<(), Broken> {
        let parameters = json!({"type": 1, "message": message});
        self.send(&rpc::notification("window/showMessage", parameters))
    }

    /// Takes over the text of a document: that of the editor, or that on disk if it is not open.
    fn edited(&mut self, uri: Result<String, String>) -> Result<(), Broken> {
        let uri = match uri {
            Ok(uri) => uri,
            Err(reason) => return self.complain(&format!("gitops-lint: {reason}")),
        };
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        // other repositories and other schemes are not checked
        let path = uri::path_of(&uri).and_then(|path| uri::below(&session.loaded.root, &path));
        let Some(path) = path.filter(|path| !path.is_empty()) else {
            return Ok(());
        };
        let is_open = self.documents.text(&uri);
        let on_disk = || documents::on_disk(&session.loaded.root, &path);
        let text = is_open.as_ref().map(|text| text.to_string());
        let text = text.or_else(on_disk);
        // Git may ignore a new file, which only listing the folder tells
        let is_new = is_open.is_none() && text.is_some() && session.saved_text(&path).is_none();
        if is_new {
            self.is_stale = true;
            self.due = Some(Instant::now() + REST);
            return Ok(());
        }
        if session.set(&path, text.as_deref()) {
            self.edits += 1;
        }
        // an open document gets its findings with its version, even if nothing changed
        self.due = Some(Instant::now() + PAUSE);
        self.whole_due = None;
        Ok(())
    }

    /// Policies and the configuration are only read from disk. After many edits, the repo is loaded
    /// again to free memory.
    fn saved(&mut self, parameters: &Value) -> Result<(), Broken> {
        let uri = parameters.pointer("/textDocument/uri");
        let uri = uri.and_then(Value::as_str).unwrap_or_default();
        let is_much = |session: &Session| {
            let unsaved = &session.unsaved;
            unsaved.versions() > VERSIONS || unsaved.changed().count() > CHANGED
        };
        let is_due = self.session.as_ref().is_none_or(is_much);
        if is_due || STEERING.iter().any(|end| uri.ends_with(end)) {
            return self.load();
        }
        Ok(())
    }

    /// Judges what the edits concern, and publishes it unless another edit arrived meanwhile.
    fn check(&mut self, receiver: &Receiver<Event>) -> Result<(), Broken> {
        self.due = None;
        if std::mem::take(&mut self.is_stale) {
            return self.load();
        }
        let now = self.host.now();
        let Some(session) = &mut self.session else {
            return Ok(());
        };
        let checked = session.check(now);
        self.waiting.extend(receiver.try_iter());
        let is_superseded = self.waiting.iter().any(|event| match event {
            Event::Message(Message::Notification { method, .. }) => {
                method == "textDocument/didChange"
            }
            _ => false,
        });
        if is_superseded {
            return Ok(());
        }
        if checked.is_preliminary {
            self.whole_due = Some(Instant::now() + REST);
        }
        self.publish(checked)
    }

    /// Starts a check of everything in another thread.
    fn check_whole(&mut self) {
        // one at a time: on a large repo, it takes longer than the next edit
        self.whole_due = self.is_checking.then(|| Instant::now() + REST);
        let now = self.host.now();
        let Some(session) = self.session.as_mut().filter(|_| !self.is_checking) else {
            return;
        };
        self.is_checking = true;
        let (check, sender, edit) = (session.whole_check(now), self.sender.clone(), self.edits);
        // the session may have ended meanwhile
        thread::spawn(move || _ = sender.send(Event::Whole(edit, check())));
    }

    fn publish(&mut self, checked: Checked) -> Result<(), Broken> {
        let Some(session) = &self.session else {
            return Ok(());
        };
        let root = session.loaded.root.clone();
        let address = |path: &str| self.documents.address(&root, path);
        let open = self.documents.paths(&root);
        let outcome = &checked.outcome;
        let files = diagnostics::by_file(outcome, session.saved(), &open);
        let mut shown: BTreeSet<String> = files.keys().map(|path| path.to_string()).collect();
        shown.extend(open.iter().cloned());
        let mut messages = Vec::new();
        for path in shown.union(&self.published) {
            let found = files.get(path.as_str()).filter(|_| shown.contains(path));
            let found = found.map_or(&[][..], Vec::as_slice).iter();
            let mut all: Vec<Value> = found
                .map(|located| diagnostics::diagnostic(located, &outcome.files, &address))
                .collect();
            if path == CONFIG_FILE {
                all.extend(self.documents.mistakes(&root, Some(session)));
            }
            let mut parameters = json!({"uri": address(path), "diagnostics": all});
            if let Some(version) = self.documents.version(&root, path)
                && let Some(fields) = parameters.as_object_mut()
            {
                fields.insert("version".to_string(), json!(version));
            }
            messages.push(parameters);
        }
        for parameters in messages {
            self.send(&rpc::notification(
                "textDocument/publishDiagnostics",
                parameters,
            ))?;
        }
        self.published = shown;
        self.latest = Some(checked);
        Ok(())
    }

    /// The repo and the file that a request is about, with the position in it.
    fn place(&mut self, parameters: &Value) -> Result<Option<Asked>, (i64, String)> {
        let uri = parameters
            .pointer("/textDocument/uri")
            .and_then(Value::as_str);
        let uri = uri.ok_or_else(|| invalid("`textDocument.uri` is missing"))?;
        let path = uri::path_of(uri).ok_or_else(|| invalid("the document is not a file"))?;
        let Some(session) = &mut self.session else {
            return Ok(None);
        };
        let root = session.loaded.root.clone();
        let path = uri::below(&root, &path)
            .ok_or_else(|| invalid("the document is outside of the repository"))?;
        let repo = session.current().repo;
        let revision = repo.source.revision_of(&path);
        let file = repo
            .files
            .find(&path, &revision)
            .map(|id| repo.files.get(id));
        Ok(file.map(|file| Asked { root, repo, file }))
    }

    fn hover(&mut self, parameters: &Value) -> Answer {
        let position = position(parameters.get("position"))?;
        let asked = self.place(parameters)?;
        let found =
            asked.and_then(|asked| hover::hover(&asked.repo, Place::new(&asked.file, position)));
        Ok(found.unwrap_or_default())
    }

    fn definition(&mut self, parameters: &Value) -> Answer {
        let position = position(parameters.get("position"))?;
        let Some(asked) = self.place(parameters)? else {
            return Ok(json!([]));
        };
        let address = |path: &str| self.documents.address(&asked.root, path);
        let place = Place::new(&asked.file, position);
        Ok(definition::definition(&asked.repo, place, &address))
    }

    fn code_actions(&mut self, parameters: &Value) -> Answer {
        let start = position(parameters.pointer("/range/start"))?;
        let end = position(parameters.pointer("/range/end"))?;
        let asked = self.place(parameters)?;
        let (Some(asked), Some(latest)) = (asked, &self.latest) else {
            return Ok(json!([]));
        };
        let address = |path: &str| self.documents.address(&asked.root, path);
        let lines = start.line..=end.line;
        Ok(actions::actions(
            &asked.repo,
            &latest.outcome,
            &asked.file,
            lines,
            &address,
        ))
    }
}

/// The result of a request, or the code and the reason of an error.
type Answer = Result<Value, (i64, String)>;

/// The subject of a request.
struct Asked {
    root: PathBuf,
    repo: std::sync::Arc<crate::repo::Repo>,
    file: std::sync::Arc<SourceFile>,
}

fn invalid(reason: &str) -> (i64, String) {
    (code::INVALID_PARAMETERS, reason.to_string())
}

fn position(value: Option<&Value>) -> Result<EditorPosition, (i64, String)> {
    let number = |name: &str| {
        let number = value.and_then(|value| value.get(name)?.as_u64());
        number.and_then(|number| usize::try_from(number).ok())
    };
    let (line, character) = (number("line"), number("character"));
    match (line, character) {
        (Some(line), Some(character)) => Ok(EditorPosition { line, character }),
        _ => Err(invalid(
            "a position has a `line` and a `character`, which are numbers",
        )),
    }
}
