//! Servers that talk to another program over standard input and output: `lsp` to an editor, `mcp`
//! to an assistant. Both speak JSON-RPC 2.0, which `rpc` reads and writes.
//!
//! The crates of the field are not used, for reasons of safety and size: `lsp-server` allocates as
//! much memory as a message claims to have, `lsp-types` brings the types of two hundred messages of
//! which a dozen are needed, and `rmcp` brings an asynchronous runtime (tokio and about 40 crates)
//! to a program that answers one question after the other.
//!
//! Not here: arguments and the streams of the process (`cli`).

pub(crate) mod lsp;
pub(crate) mod mcp;
mod rpc;

pub(crate) use rpc::{Broken, Ended};
