use super::*;
use crate::yaml::read::read;

fn span(text: &str, pointer: &str) -> Span {
    let documents = read(text, FileId(0)).unwrap();
    let found = documents
        .documents
        .iter()
        .find_map(|one| one.pointer(pointer));
    found.unwrap().origin.into()
}

fn set(text: &str, pointer: &str, new: &str) -> Result<String, EditError> {
    let edit = Edit::Set {
        value: span(text, pointer),
        text: new.to_string(),
    };
    edited(text, &[edit])
}

fn pairs(entries: &[(&str, &str)]) -> Vec<(String, String)> {
    entries
        .iter()
        .map(|(key, text)| (key.to_string(), text.to_string()))
        .collect()
}

#[test]
fn everything_around_a_value_stays() {
    let text = "\u{feff}# top\r\nimages:\r\n  - name: api   # ours\r\n    newTag: 'v1' # keep\r\n    digest:   sha256:aa\r\n\r\nx: [1, 2]\r\n";
    let new = set(text, "/images/0/newTag", "v2").unwrap();
    assert_eq!(new, text.replace("'v1'", "'v2'"));
    let new = set(text, "/images/0/digest", "sha256:bb").unwrap();
    assert_eq!(new, text.replace("sha256:aa", "sha256:bb"));
    assert_eq!(set("a: v1", "/a", "1.10").unwrap(), "a: \"1.10\"");
    assert_eq!(set("a:\nb: 1\n", "/a", "x").unwrap(), "a: x\nb: 1\n");
    assert_eq!(
        set("{\"a\": \"v1\"}", "/a", "v2").unwrap(),
        "{\"a\": \"v2\"}"
    );
}

#[test]
fn an_alias_follows_its_anchor_and_other_documents_do_not() {
    let text = "a: &x v1\nb: *x\n---\na: v1\n";
    assert_eq!(
        set(text, "/a", "v2").unwrap(),
        "a: &x v2\nb: *x\n---\na: v1\n"
    );
}

#[test]
fn a_value_inside_of_a_block_scalar_is_set() {
    let text = "values: |\n  old: v1\n  image:\n    tag: v1 # pinned\n";
    let at = text.rfind("v1").unwrap() as u32;
    let value = Span {
        start: at,
        end: at + 2,
    };
    let edit = Edit::Set {
        value,
        text: "v2".to_string(),
    };
    let new = edited(text, &[edit]).unwrap();
    assert_eq!(
        new,
        "values: |\n  old: v1\n  image:\n    tag: v2 # pinned\n"
    );
}

#[test]
fn keys_are_inserted_in_the_form_of_their_map() {
    let insert = |text: &str| {
        let edit = Edit::Insert {
            map: span(text, "/images/0"),
            after: "newTag".to_string(),
            key: "digest".to_string(),
            text: "sha256:aa".to_string(),
        };
        edited(text, &[edit]).unwrap()
    };
    assert_eq!(
        insert("images:\n- name: api\n  newTag: v1 # why\n- name: b\n"),
        "images:\n- name: api\n  newTag: v1 # why\n  digest: sha256:aa\n- name: b\n"
    );
    assert_eq!(
        insert("images:\r\n  - newTag: v1"),
        "images:\r\n  - newTag: v1\r\n    digest: sha256:aa"
    );
    assert_eq!(
        insert("images: [{name: api, newTag: v1}] # x\n"),
        "images: [{name: api, newTag: v1, digest: sha256:aa}] # x\n"
    );
    assert_eq!(
        insert("{\"images\": [{\"newTag\": \"v1\"}]}"),
        "{\"images\": [{\"newTag\": \"v1\", \"digest\": \"sha256:aa\"}]}"
    );
}

#[test]
fn keys_are_removed_with_their_line() {
    let remove = |text: &str| {
        let map = span(text, "/images/0");
        edited(
            text,
            &[Edit::Remove {
                map,
                key: "newTag".to_string(),
            }],
        )
    };
    assert_eq!(
        remove("images:\n- name: a\n  newTag: v1 # x\n  digest: d\n").unwrap(),
        "images:\n- name: a\n  digest: d\n"
    );
    assert_eq!(
        remove("images:\n- newTag: v1\n  digest: d\n").unwrap(),
        "images:\n- digest: d\n"
    );
    assert_eq!(
        remove("images: [{name: a, newTag: v1}]\n").unwrap(),
        "images: [{name: a}]\n"
    );
    assert!(remove("images:\n- newTag: v1\n").is_err());
}

#[test]
fn lists_grow_in_the_style_of_the_file() {
    let item = pairs(&[("name", "b"), ("newTag", "1.0")]);
    let append = |text: &str| {
        let list = span(text, "/images");
        edited(
            text,
            &[Edit::Append {
                list,
                entries: item.clone(),
            }],
        )
        .unwrap()
    };
    assert_eq!(
        append("images:\n  - name: a\n    newTag: v1\n# end\n"),
        "images:\n  - name: a\n    newTag: v1\n  - name: b\n    newTag: \"1.0\"\n# end\n"
    );
    assert_eq!(
        append("images: []\n"),
        "images: [{name: b, newTag: \"1.0\"}]\n"
    );
    let add = |text: &str| {
        let edit = Edit::AddList {
            map: span(text, ""),
            key: "images".to_string(),
            entries: item.clone(),
        };
        edited(text, &[edit])
    };
    assert_eq!(
        add("resources:\n  - a.yaml\nnamespace: x\n# end\n").unwrap(),
        "resources:\n  - a.yaml\nnamespace: x\nimages:\n  - name: b\n    newTag: \"1.0\"\n# end\n"
    );
    assert_eq!(
        add("resources:\n- a.yaml").unwrap(),
        "resources:\n- a.yaml\nimages:\n- name: b\n  newTag: \"1.0\""
    );
    // the added lines would belong to the text of the patch
    assert_eq!(
        add("patch: |+\n  a\n\n\n").map(|text| text.contains("images")),
        Err(EditError::ChangesMore)
    );
}

#[test]
fn items_are_removed_with_their_lines() {
    let remove = |text: &str, index: usize| {
        let item = span(text, &format!("/images/{index}"));
        let list = span(text, "/images");
        edited(text, &[Edit::RemoveItem { list, item }])
    };
    let block = "images:\n# a\n- name: a # x\n  newTag: v1\n# b\n- name: b\nx: 1\n";
    assert_eq!(
        remove(block, 0).unwrap(),
        "images:\n# a\n# b\n- name: b\nx: 1\n"
    );
    assert_eq!(
        remove(block, 1).unwrap(),
        "images:\n# a\n- name: a # x\n  newTag: v1\n# b\nx: 1\n"
    );
    assert_eq!(
        remove("images: [{name: a}, {name: b}]\n", 0).unwrap(),
        "images: [{name: b}]\n"
    );
    assert_eq!(
        remove("images: [{name: a}, {name: b}]\n", 1).unwrap(),
        "images: [{name: a}]\n"
    );
    assert!(remove("images:\n- name: a\n", 0).is_err());
}

#[test]
fn edits_of_the_same_bytes_are_refused() {
    let text = "a: v1\n";
    let value = span(text, "/a");
    let edits = ["v2", "v3"].map(|new| Edit::Set {
        value,
        text: new.to_string(),
    });
    assert_eq!(edited(text, &edits), Err(EditError::Overlapping));
    assert!(edited("a: 1\na: 2\n", &edits).is_err());
    let nowhere = Edit::Set {
        value: Span { start: 0, end: 1 },
        text: "x".to_string(),
    };
    assert!(edited(text, &[nowhere]).is_err());
}

#[test]
fn files_are_replaced_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let file = |path: &str, before: &str, after: &str| write::EditedFile {
        path: path.to_string(),
        before: before.to_string(),
        after: after.to_string(),
    };
    std::fs::write(folder.path().join("a"), "1").unwrap();
    std::fs::write(folder.path().join("b"), "1").unwrap();
    let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
    let stale = [file("a", "1", "2"), file("b", "0", "2")];
    assert!(matches!(
        write::write_all(folder.path(), &stale),
        Err(write::WriteError::Changed(_))
    ));
    let missing = [file("a", "1", "2"), file("c", "0", "2")];
    assert!(write::write_all(folder.path(), &missing).is_err());
    assert_eq!((read("a"), read("b")), ("1".to_string(), "1".to_string()));
    write::write_all(folder.path(), &[file("a", "1", "2"), file("b", "1", "3")]).unwrap();
    assert_eq!((read("a"), read("b")), ("2".to_string(), "3".to_string()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    let outside = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(outside.path(), "1").unwrap();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
        let out = write::write_all(folder.path(), &[file("link", "1", "2")]);
        assert!(matches!(out, Err(write::WriteError::OutsideRoot(_))));
    }
}
