//! Commits, read as tolerantly as Git reads them: a broken author line, as old tools wrote them,
//! does not hide the rest.

use gix::ObjectId;

use super::{Id, id_of};

/// A person of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: Id,
    /// Its tree, or the tree of the opened folder if that is below the top of the work tree.
    pub tree: Id,
    /// Its parents, first parent first.
    pub parents: Vec<Id>,
    /// Who wrote the change.
    pub author: Person,
    /// Who committed it.
    pub committer: Person,
    /// Commit time, in seconds since 1970 UTC; [`UNKNOWN_TIME`] if the commit has none.
    pub time: i64,
    /// The whole message.
    pub message: String,
}

/// A time after all others: a commit of unknown age counts as new.
pub const UNKNOWN_TIME: i64 = i64::MAX;

impl Commit {
    /// Reads a stored commit; `None` if it names no tree.
    pub(super) fn parse(id: &Id, bytes: &[u8]) -> Option<Commit> {
        let (head, message) = match bytes.windows(2).position(|two| two == b"\n\n") {
            Some(end) => (bytes.get(..end)?, bytes.get(end + 2..)?),
            None => (bytes, &[][..]),
        };
        let (mut tree, mut parents) = (None, Vec::new());
        let (mut author, mut committer, mut time) =
            (Person::default(), Person::default(), UNKNOWN_TIME);
        // lines that start with a space go on with a signature
        for line in head.split(|byte| *byte == b'\n') {
            let space = line
                .iter()
                .position(|byte| *byte == b' ')
                .unwrap_or(line.len());
            let (field, value) = (
                line.get(..space)?,
                line.get(space + 1..).unwrap_or_default(),
            );
            match field {
                b"tree" => tree = tree.or(Some(object_id(value)?)),
                b"parent" => parents.push(object_id(value)?),
                b"author" => author = person(&String::from_utf8_lossy(value)).0,
                b"committer" => (committer, time) = person(&String::from_utf8_lossy(value)),
                _ => {}
            }
        }
        let message = String::from_utf8_lossy(message).into_owned();
        Some(Commit {
            id: *id,
            tree: tree?,
            parents,
            author,
            committer,
            time,
            message,
        })
    }
}

fn object_id(hex: &[u8]) -> Option<Id> {
    ObjectId::from_hex(hex).ok().map(id_of)
}

/// Reads `NAME <ADDRESS> SECONDS ZONE`. Any part may be missing.
fn person(line: &str) -> (Person, i64) {
    let (name, rest) = line.split_once('<').unwrap_or((line, ""));
    let email = rest.split('>').next().unwrap_or_default();
    let date = rest.rsplit_once('>').map_or("", |(_, date)| date);
    let time = date
        .split_whitespace()
        .next()
        .and_then(|seconds| seconds.parse().ok())
        .unwrap_or(UNKNOWN_TIME);
    (
        Person {
            name: name.trim().to_string(),
            email: email.trim().to_string(),
        },
        time,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_commit_lacks_hides_nothing_else() {
        let tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        let of = |rest: &str| {
            Commit::parse(
                &[1; 20],
                format!("tree {tree}\nparent {tree}\n{rest}").as_bytes(),
            )
            .unwrap()
        };
        let ada = Person {
            name: "Ada".into(),
            email: "ada@example.com".into(),
        };
        let commit = of(
            "author Ada <ada@example.com> 1 +0000\ncommitter Ada <ada@example.com> -86400 +0000\ngpgsig -----\n x\n\nwords\n\nmore",
        );
        assert_eq!(
            (
                &commit.author,
                commit.time,
                &*commit.message,
                commit.parents.len()
            ),
            (&ada, -86400, "words\n\nmore", 1)
        );
        assert_eq!(
            of("author Ada <ada@example.com> \ncommitter Ada\n\nx").author,
            ada
        );
        assert_eq!(
            of("author Ada <ada@example.com> \ncommitter Ada\n\nx").time,
            UNKNOWN_TIME
        );
        assert_eq!(
            of("author A <a<b>> 18446744073709551615 +0000\ncommitter A <a> 2 +51800000 more\n")
                .time,
            2
        );
        assert_eq!(
            of("author Ada ada@example.com 1 +0000\n").author.name,
            "Ada ada@example.com 1 +0000"
        );
        assert_eq!(of("").message, "");
        assert_eq!(
            Commit::parse(&[1; 20], b"author Ada <ada@example.com> 1 +0000\n\nno tree"),
            None
        );
    }
}
