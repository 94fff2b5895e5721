//! Runs the binary on unusual repositories: incomplete clones, indexes and work trees of every
//! kind, submodules, damage, unusual names and commits. If something is missing, the check must say
//! so and what to do; it must never pass as clean.

#![allow(clippy::unwrap_used)]

#[path = "program/apps.rs"]
mod apps;
mod program;

use std::path::Path;

use apps::digest;
use program::{Repo, Run, not_tested, run, run_git, try_git};

const CHECK: &[&str] = &["check", "--format", "json"];
const PRODUCTION: &str = "apps/api/overlays/production/kustomization.yaml";
const STAGING: &str = "apps/api/overlays/staging/kustomization.yaml";

fn base(revision: &str) -> Vec<&str> {
    [CHECK, &["--base", revision]].concat()
}

fn staged() -> Vec<&'static str> {
    [CHECK, &["--staged"]].concat()
}

/// A repo of three commits: start, build `b` in staging, build `b` in production. All files differ.
fn promoted() -> Repo {
    let repo = Repo::new();
    repo.git(&["init", "-q"]).app("api");
    for environment in ["dev", "staging", "production"] {
        repo.append(
            &format!("apps/api/overlays/{environment}/kustomization.yaml"),
            &format!("# {environment}\n"),
        );
    }
    repo.commit("start")
        .pin("api", "staging", 'b')
        .append(STAGING, "# staging\n")
        .commit("stage b");
    repo.pin("api", "production", 'b')
        .append(PRODUCTION, "# production\n")
        .commit("promote b")
        .git(&["config", "uploadpack.allowFilter", "true"])
        .git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    repo
}

impl Repo {
    fn append(&self, path: &str, text: &str) -> &Repo {
        let before = std::fs::read_to_string(self.path(path)).unwrap();
        self.write(path, &format!("{before}{text}"))
    }

    /// A file that a kustomization of production lists.
    fn list(&self, name: &str) -> &Repo {
        let before = std::fs::read_to_string(self.path(PRODUCTION)).unwrap();
        self.write(
            PRODUCTION,
            &before.replace("[../../base", &format!("[../../base, {name}")),
        )
    }

    fn id(&self, revision: &str) -> String {
        run_git(self.root(), &["rev-parse", revision])
    }

    /// Path of a loose object of Git.
    fn object(&self, revision: &str) -> std::path::PathBuf {
        let id = self.id(revision);
        self.path(&format!(".git/objects/{}/{}", &id[..2], &id[2..]))
    }

    fn clone_into(&self, folder: &Path, arguments: &[&str]) {
        let url = format!("file://{}", self.root().display());
        run_git(
            folder.parent().unwrap(),
            &[
                &["clone", "-q"],
                arguments,
                &[&url, folder.file_name().unwrap().to_str().unwrap()],
            ]
            .concat(),
        );
    }
}

/// Asserts that the run failed with status 2 and that its message contains all of these texts.
#[track_caller]
fn refused(run: Run, said: &[&str]) {
    assert_eq!(run.status, 2, "{}\n{}", run.out, run.err);
    for words in said {
        assert!(
            run.err.contains(words),
            "{words:?} is missing in: {}",
            run.err
        );
    }
}

#[track_caller]
fn clean(run: &Run) {
    assert_eq!((run.findings(), run.status), (Vec::new(), 0), "{}", run.err);
}

#[test]
fn partial_clones_name_the_files_that_they_lack() {
    let repo = promoted();
    let clones = tempfile::tempdir().unwrap();
    let of = |filter: &str| {
        let folder = clones.path().join(filter.replace(':', "-"));
        repo.clone_into(&folder, &[&format!("--filter={filter}")]);
        folder
    };
    let blobless = of("blob:none");
    let remedy = "git fetch --refetch --no-filter";
    let missing = format!(
        "{PRODUCTION} of {} cannot be read: the clone is partial",
        &repo.id("HEAD~1")[..10]
    );
    refused(run(&blobless, &base("HEAD~1"), &[]), &[&missing, remedy]);
    refused(
        run(&blobless, CHECK, &[("GITHUB_BASE_REF", "main~1")]),
        &[&missing, remedy],
    );
    refused(
        run(&blobless, &["diff", "HEAD~2..HEAD", "--summary"], &[]),
        &[remedy],
    );
    refused(
        run(&blobless, &["status", "--at", "HEAD~1"], &[]),
        &[&missing, remedy],
    );
    // the work tree is checked, and `status` and `history` show the part of the past that is there
    clean(&run(&blobless, CHECK, &[]));
    clean(&run(&blobless, &staged(), &[]));
    for command in [&["status"][..], &["history", "api"]] {
        let told = run(&blobless, command, &[]).expect(0);
        assert!(
            told.err.contains("the history is incomplete") && told.err.contains(remedy),
            "{}",
            told.err
        );
        assert!(
            told.out
                .lines()
                .all(|line| line.contains(" dev ") || !line.contains(" -  ")),
            "{}",
            told.out
        );
    }
    // a promotion whose proof is in the missing part of the past
    std::fs::write(
        blobless.join(PRODUCTION),
        std::fs::read_to_string(blobless.join(PRODUCTION))
            .unwrap()
            .replace(&digest('b'), &digest('a')),
    )
    .unwrap();
    let found = run(&blobless, &base("HEAD"), &[]).json();
    assert!(
        found["findings"][0]["help"]
            .as_str()
            .unwrap_or_default()
            .contains(remedy),
        "{found:#}"
    );

    let treeless = of("tree:0");
    clean(&run(&treeless, CHECK, &[]));
    refused(
        run(&treeless, &base("HEAD~1"), &[]),
        &["the top folder (tree", "the clone is partial", remedy],
    );
    refused(
        run(&treeless, &["status", "--at", "HEAD~1"], &[]),
        &["the clone is partial", remedy],
    );
    assert!(
        run(&treeless, &["status"], &[])
            .expect(0)
            .err
            .contains(remedy)
    );
    // the suggested command repairs it
    run_git(&treeless, &["fetch", "-q", "--refetch", "--no-filter"]);
    clean(&run(&treeless, &base("HEAD~1"), &[]));
}

#[test]
fn shallow_clones_of_ci_say_what_to_fetch() {
    let repo = promoted();
    repo.git(&["branch", "change"])
        .git(&["reset", "-q", "--hard", "HEAD~1"])
        .write("README.md", "x")
        .commit("go on");
    let clones = tempfile::tempdir().unwrap();
    let folder = clones.path().join("ci");
    std::fs::create_dir(&folder).unwrap();
    run_git(&folder, &["init", "-q"]);
    run_git(
        &folder,
        &[
            "remote",
            "add",
            "origin",
            &format!("file://{}", repo.root().display()),
        ],
    );
    // fetch as actions/checkout does
    run_git(
        &folder,
        &[
            "fetch",
            "-q",
            "--depth=1",
            "origin",
            "change:refs/remotes/pull/1/merge",
        ],
    );
    run_git(
        &folder,
        &["checkout", "-q", "--detach", "refs/remotes/pull/1/merge"],
    );
    refused(
        run(&folder, &base("origin/main"), &[]),
        &[
            "there is no revision \"origin/main\"",
            "the clone is shallow",
            "fetch-depth: 0",
        ],
    );
    refused(
        run(&folder, &base("HEAD~1"), &[]),
        &["the clone is shallow", "fetch-depth: 0"],
    );
    let in_ci = |arguments: &[&str]| run(&folder, arguments, &[("GITHUB_BASE_REF", "main")]);
    refused(
        in_ci(CHECK),
        &[
            "the base origin/main that GITHUB_BASE_REF names cannot be used",
            "fetch-depth: 0",
            "--no-base",
        ],
    );
    assert_ne!(in_ci(&[CHECK, &["--no-base"]].concat()).status, 2);
    // both commits are there, but not their merge base
    run_git(
        &folder,
        &[
            "fetch",
            "-q",
            "--depth=1",
            "origin",
            "main:refs/remotes/origin/main",
        ],
    );
    refused(
        run(&folder, &base("origin/main"), &[]),
        &[
            "no common ancestor in this clone, which is shallow",
            "fetch-depth: 0",
        ],
    );
    run_git(&folder, &["fetch", "-q", "--unshallow", "origin"]);
    clean(&run(&folder, &base("origin/main"), &[]));
}

#[test]
fn repositories_that_are_not_understood_are_refused() {
    let sha256 = Repo::new();
    if try_git(sha256.root(), &["init", "-q", "--object-format=sha256"])
        .status
        .success()
    {
        sha256
            .app("api")
            .commit("start")
            .pin("api", "dev", 'b')
            .commit("dev b");
        clean(&sha256.run(CHECK));
        // the check cannot know whether staging ran production's build earlier
        let behind = sha256.pin("api", "staging", 'c').run(CHECK).json();
        assert!(
            behind["findings"][0]["message"]
                .as_str()
                .unwrap()
                .ends_with("the history in this clone does not show whether staging ever used it"),
            "{behind:#}"
        );
        assert!(
            behind["findings"][0]["help"]
                .as_str()
                .unwrap()
                .contains("SHA-256"),
            "{behind:#}"
        );
        sha256.git(&["reset", "-q", "--hard"]);
        let refusal = "repositories with SHA-256 object names are not supported";
        for arguments in [
            &base("HEAD~1")[..],
            &staged(),
            &["history", "api"],
            &["diff", "HEAD~1..HEAD"],
            &["status", "--at", "HEAD"],
        ] {
            refused(sha256.run(arguments), &[refusal]);
        }
        assert!(sha256.run(&["status"]).expect(0).err.contains(refusal));
    } else {
        not_tested("SHA-256 object names, which this Git cannot make");
    }

    // the state after `git init --ref-format=reftable`
    let reftable = promoted();
    reftable
        .git(&["config", "core.repositoryFormatVersion", "1"])
        .git(&["config", "extensions.refStorage", "reftable"]);
    std::fs::remove_dir_all(reftable.path(".git/refs")).unwrap();
    reftable
        .write(
            ".git/refs/heads",
            "this repository uses the reftable format\n",
        )
        .write(".git/HEAD", "ref: refs/heads/.invalid\n");
    clean(&reftable.run(CHECK));
    for arguments in [&base("HEAD~1")[..], &staged(), &["history", "api"]] {
        refused(
            reftable.run(arguments),
            &[
                "reftable are not supported",
                "git refs migrate --ref-format=files",
            ],
        );
    }

    let later = promoted();
    later
        .git(&["config", "core.repositoryFormatVersion", "1"])
        .git(&["config", "extensions.worktreeConfig", "true"]);
    clean(&later.run(&base("HEAD~1")));
    later.git(&["config", "extensions.tomorrow", "true"]);
    refused(
        later.run(&base("HEAD~1")),
        &["uses the extension \"tomorrow\" of Git, which is not supported"],
    );
    // edit the file directly: Git itself refuses this version
    later.append(".git/config", "[core]\n\trepositoryFormatVersion = 9\n");
    refused(
        later.run(&base("HEAD~1")),
        &["only versions 0 and 1 are supported"],
    );
}

#[test]
fn damage_is_told_and_passes_for_nothing_else() {
    let fsck = "git fsck lists what is damaged";
    let blob = promoted();
    std::fs::remove_file(blob.object(&format!("HEAD~1:{PRODUCTION}"))).unwrap();
    let lost = format!(
        "{PRODUCTION} of {} cannot be read: the repository has lost the object",
        &blob.id("HEAD~1")[..10]
    );
    refused(blob.run(&base("HEAD~1")), &[&lost, fsck]);
    refused(blob.run(&["status", "--at", "HEAD~1"]), &[&lost, fsck]);
    assert!(blob.run(&["history", "api"]).expect(0).err.contains(&lost));

    let tree = promoted();
    std::fs::remove_file(tree.object("HEAD~1:apps/api/overlays")).unwrap();
    refused(
        tree.run(&base("HEAD~1")),
        &["the folder apps/api/overlays (tree ", fsck],
    );
    refused(
        tree.run(&["status", "--at", "HEAD~1"]),
        &["apps/api/overlays of ", fsck],
    );

    let commit = promoted();
    let id = commit.id("HEAD~1");
    std::fs::remove_file(commit.object("HEAD~1")).unwrap();
    for revision in ["HEAD~1", "HEAD~2"] {
        refused(
            commit.run(&base(revision)),
            &["the repository has lost the object", &id[..10], fsck],
        );
    }
    assert!(commit.run(&["status"]).expect(0).err.contains(fsck));

    let pack = promoted();
    pack.git(&["repack", "-adq"]);
    let packs = std::fs::read_dir(pack.path(".git/objects/pack")).unwrap();
    let file = packs
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "pack"))
        .unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[40..].iter_mut().for_each(|byte| *byte ^= 0x55);
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, bytes).unwrap();
    refused(pack.run(&base("HEAD~1")), &["is damaged", fsck]);
    assert!(pack.run(&["status"]).err.contains("damaged"));

    let head = promoted();
    head.write(
        ".git/refs/heads/main",
        "0123456789012345678901234567890123456789\n",
    );
    refused(
        head.run(&base("HEAD~1")),
        &["the commit 0123456789 of HEAD is not here", fsck],
    );
    refused(
        head.run(&staged()),
        &["the commit 0123456789 of HEAD is not here", fsck],
    );
    head.write(".git/refs/heads/main", "nonsense\n");
    refused(head.run(&base("HEAD~1")), &["git fsck"]);

    let index = promoted();
    for bytes in [
        &b"nonsense"[..],
        b"",
        b"DIRC\0\0\0\x02\xff\xff\xff\xffxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    ] {
        index.write_bytes(".git/index", bytes);
        refused(
            index.run(&staged()),
            &["the index cannot be read", "git read-tree HEAD"],
        );
        refused(index.run(&base("HEAD~1")), &["the index cannot be read"]);
    }
}

#[test]
fn objects_are_found_wherever_git_keeps_them() {
    let repo = promoted();
    let expected = repo.run(&["status"]).out;
    let clones = tempfile::tempdir().unwrap();
    // objects borrowed from another repository (alternates)
    let borrowed = clones.path().join("borrowed");
    repo.clone_into(&borrowed, &["-s"]);
    assert!(
        !borrowed.join(".git/objects/info/alternates").exists(),
        "a URL shares nothing"
    );
    run_git(
        clones.path(),
        &[
            "clone",
            "-q",
            "-s",
            &repo.root().display().to_string(),
            "shared",
        ],
    );
    let shared = clones.path().join("shared");
    assert!(shared.join(".git/objects/info/alternates").exists());
    assert_eq!(run(&shared, &["status"], &[]).out, expected);
    clean(&run(&shared, &base("HEAD~1"), &[]));
    std::fs::write(
        shared.join(".git/objects/info/alternates"),
        "/nowhere/objects\n",
    )
    .unwrap();
    refused(
        run(&shared, &base("HEAD~1"), &[]),
        &["the commit", "of HEAD is not here"],
    );
    // packed objects and refs, with a commit graph
    repo.git(&["gc", "-q"]).git(&["pack-refs", "--all"]).git(&[
        "commit-graph",
        "write",
        "--reachable",
    ]);
    assert_eq!(repo.run(&["status"]).out, expected);
    clean(&repo.run(&base("HEAD~1")));
    // replaced objects are not followed: nobody reviewed them
    let history = repo.run(&["history", "api"]).expect(0).out;
    let root = run_git(
        repo.root(),
        &["commit-tree", "-m", "a new root", "HEAD~1^{tree}"],
    );
    repo.git(&["replace", "HEAD~1", &root]);
    assert_eq!(repo.run(&["history", "api"]).expect(0).out, history);
    clean(&repo.run(&base("HEAD~1")));
    repo.git(&["replace", "-d", "HEAD~1"]);
    let before = repo.id("HEAD~1");
    let round = run_git(
        repo.root(),
        &["commit-tree", "-m", "round", "-p", "HEAD", "HEAD~1^{tree}"],
    );
    repo.git(&["replace", &before, &round]);
    assert_eq!(repo.run(&["status"]).expect(0).out, expected);
    repo.git(&["replace", "-d", &before]);
    // grafts, which Git no longer supports, are ignored
    repo.write(".git/info/grafts", &format!("{}\n", repo.id("HEAD")));
    assert_eq!(repo.run(&["status"]).out, expected);
}

#[test]
fn what_a_sparse_checkout_leaves_out_is_not_deleted() {
    let repo = Repo::started();
    repo.app("web")
        .commit("web")
        .pin("web", "production", 'c')
        .commit("web c");
    let warned = |run: &Run| {
        assert!(
            run.err.contains("left out by the sparse checkout"),
            "{}",
            run.err
        )
    };
    let none = |found: &[String]| assert!(found.is_empty(), "{found:?}");
    for arguments in [
        &["--cone", "apps/api"][..],
        &["--no-cone", "/apps/api"],
        &["--cone", "--sparse-index", "apps/api"],
    ] {
        if !try_git(
            repo.root(),
            &[&["sparse-checkout", "set"], arguments].concat(),
        )
        .status
        .success()
        {
            not_tested(&format!(
                "git sparse-checkout set {arguments:?}, which this Git does not know"
            ));
            continue;
        }
        assert!(!repo.path("apps/web").exists());
        let all = repo.run(CHECK);
        none(&all.findings());
        warned(&all);
        for revision in ["HEAD", "HEAD~1", "HEAD~2"] {
            let run = repo.run(&base(revision));
            none(&run.findings());
            warned(&run);
            assert!(repo.run(&["diff", revision, "--summary"]).out.is_empty());
        }
        assert!(
            repo.run(&base("HEAD~1"))
                .err
                .contains("1 file of the change not checked")
        );
        // the index has every file, whatever the sparse checkout leaves out
        let run = repo.run(&staged());
        none(&run.findings());
        assert_eq!(run.json()["summary"]["errors"], 0);
        repo.pin("api", "production", 'd').git(&["add", "-A"]);
        assert_eq!(
            repo.run(&staged()).findings(),
            [format!("digest-mismatch {PRODUCTION}:4")]
        );
        repo.git(&["reset", "-q", "--hard"]);
    }
    // a partial clone with a sparse checkout: files that are left out are not in the clone at all
    repo.git(&["sparse-checkout", "disable"])
        .git(&["config", "uploadpack.allowFilter", "true"]);
    repo.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let clones = tempfile::tempdir().unwrap();
    let small = clones.path().join("small");
    repo.clone_into(&small, &["--filter=blob:none", "--no-checkout", "--sparse"]);
    run_git(&small, &["sparse-checkout", "set", "apps/api"]);
    run_git(&small, &["checkout", "-q", "main"]);
    let next = run(&small, &staged(), &[]);
    none(&next.findings());
    warned(&next);
    assert_eq!(next.status, 0, "{}", next.err);
    std::fs::write(
        small.join(PRODUCTION),
        std::fs::read_to_string(small.join(PRODUCTION))
            .unwrap()
            .replace(&digest('a'), &digest('e')),
    )
    .unwrap();
    run_git(&small, &["add", "-A"]);
    assert_eq!(
        run(&small, &staged(), &[]).findings(),
        [format!("digest-mismatch {PRODUCTION}:4")]
    );
    // the sparse checkout leaves out files that overlays need
    repo.git(&["sparse-checkout", "set", "--no-cone", "/apps/*/overlays"]);
    let found = repo.run(&[CHECK, &["--app", "api"]].concat());
    assert_eq!(found.findings().len(), 3);
    assert!(
        found
            .findings()
            .iter()
            .all(|finding| finding.starts_with("incomplete-checkout ")),
        "{}",
        found.out
    );
    assert_eq!(
        found.json()["findings"][0]["help"],
        "git sparse-checkout add apps/api"
    );
    // the file is also missing at the base, but the finding is not hidden as an old one
    repo.spoil("api", "production", "unused");
    assert!(
        repo.run(&base("HEAD"))
            .findings()
            .contains(&format!("incomplete-checkout {PRODUCTION}:1"))
    );
    repo.git(&["sparse-checkout", "disable"]);
}

#[test]
fn indexes_of_every_kind_are_read() {
    let repo = promoted();
    let forms: [&[&str]; 5] = [
        &["--split-index"],
        &["--index-version", "4"],
        &["--untracked-cache"],
        &["--fsmonitor-valid", PRODUCTION],
        &["--assume-unchanged", STAGING],
    ];
    for form in forms {
        if !try_git(repo.root(), &[&["update-index"], form].concat())
            .status
            .success()
        {
            not_tested(&format!(
                "git update-index {form:?}, which does not work here"
            ));
            continue;
        }
        repo.git(&["status", "-s"]);
        clean(&repo.run(&base("HEAD~1")));
        clean(&repo.run(&staged()));
        assert!(
            repo.run(&["diff", "HEAD", "--summary"]).out.is_empty(),
            "{form:?}"
        );
        // `assume-unchanged` and similar flags are not trusted
        let before = std::fs::read_to_string(repo.path(PRODUCTION)).unwrap();
        repo.write(PRODUCTION, &before.replace(&digest('b'), &digest('c')));
        assert_eq!(
            repo.run(&base("HEAD")).findings(),
            [format!("digest-mismatch {PRODUCTION}:4")],
            "{form:?}"
        );
        repo.write(PRODUCTION, &before);
    }
}

#[test]
fn the_next_commit_is_what_git_will_commit() {
    let repo = promoted();
    // `git add -N` only announces a file; it is not staged
    repo.write(
        "apps/new/overlays/production/kustomization.yaml",
        "resources: [missing.yaml]\n",
    )
    .git(&["add", "-N", "apps/new"]);
    clean(&repo.run(&staged()));
    std::fs::remove_dir_all(repo.path("apps/new")).unwrap();
    repo.git(&["reset", "-q", "--hard"]);
    // during a merge conflict nothing is staged
    repo.git(&["checkout", "-q", "-b", "other", "HEAD~1"])
        .pin("api", "production", 'c')
        .commit("c");
    assert!(
        !try_git(repo.root(), &["merge", "-q", "main"])
            .status
            .success()
    );
    refused(
        repo.run(&staged()),
        &[PRODUCTION, "is not merged yet", "resolve the conflict"],
    );
    assert_eq!(
        repo.run(CHECK).findings(),
        [format!("render-error {PRODUCTION}:4")]
    );
    assert!(repo.run(&["status"]).expect(0).err.contains(
        "cannot be rendered completely, so images may be missing: apps/api/overlays/production"
    ));
    let compared = repo.run(&["diff", "staging", "production"]).expect(0).out;
    assert!(
        compared.contains("cannot be rendered completely"),
        "{compared}"
    );
    repo.git(&["reset", "-q", "--hard"])
        .git(&["checkout", "-q", "main"]);
}

#[cfg(unix)]
#[test]
fn hooks_see_the_index_of_the_commit_that_is_made() {
    use std::os::unix::fs::PermissionsExt;
    let repo = promoted();
    repo.app("web").commit("web");
    let hook = format!(
        "#!/bin/sh\nexec {} check --staged --format concise\n",
        env!("CARGO_BIN_EXE_gitops-lint")
    );
    repo.write(".git/hooks/pre-commit", &hook);
    std::fs::set_permissions(
        repo.path(".git/hooks/pre-commit"),
        std::fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    // `git commit -a` without anything staged before
    repo.pin("api", "production", 'c');
    let all = try_git(repo.root(), &["commit", "-q", "-a", "-m", "all"]);
    assert!(
        !all.status.success() && String::from_utf8_lossy(&all.stderr).contains("digest-mismatch"),
        "{all:?}"
    );
    // `git commit PATH` commits one path; what is staged for another path stays
    repo.pin("web", "production", 'c').git(&["add", "apps/web"]);
    let path = try_git(repo.root(), &["commit", "-q", "-m", "one path", "apps/api"]);
    let said = String::from_utf8_lossy(&path.stderr).into_owned();
    assert!(
        !path.status.success() && said.contains(PRODUCTION) && !said.contains("apps/web"),
        "{said}"
    );
    // in a linked work tree, Git also passes the repository to the hook
    repo.git(&["reset", "-q", "--hard"]);
    let folder = tempfile::tempdir().unwrap();
    let linked = folder.path().join("linked");
    repo.git(&[
        "worktree",
        "add",
        "-q",
        "-b",
        "linked",
        &linked.display().to_string(),
    ]);
    std::fs::write(
        linked.join(STAGING),
        std::fs::read_to_string(linked.join(PRODUCTION))
            .unwrap()
            .replace(&digest('b'), &digest('d')),
    )
    .unwrap();
    assert!(
        try_git(&linked, &["commit", "-q", "-a", "-m", "stage d"])
            .status
            .success()
    );
    std::fs::write(
        linked.join(PRODUCTION),
        std::fs::read_to_string(linked.join(PRODUCTION))
            .unwrap()
            .replace(&digest('b'), &digest('e')),
    )
    .unwrap();
    assert!(
        !try_git(&linked, &["commit", "-q", "-a", "-m", "promote e"])
            .status
            .success()
    );
    // the index of another repository (`GIT_INDEX_FILE`) is ignored
    let other = promoted();
    let index = repo.path(".git/index").display().to_string();
    clean(&run(
        other.root(),
        &staged(),
        &[("GIT_INDEX_FILE", ".git/index")],
    ));
    other.pin("api", "production", 'c').git(&["add", "-A"]);
    let elsewhere = run(
        repo.root(),
        &[&staged()[..], &[&other.root().display().to_string()]].concat(),
        &[("GIT_INDEX_FILE", &index)],
    );
    assert_eq!(
        elsewhere.findings(),
        [format!("digest-mismatch {PRODUCTION}:4")]
    );
}

#[cfg(target_os = "linux")]
#[test]
fn names_of_every_kind_are_read_or_told() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let repo = promoted();
    let overlay = format!(
        "resources: [../../../api/base]\nimages:\n  - name: registry.example.com/api\n    digest: {}\n",
        digest('b')
    );
    let names = [
        "new\nline",
        "back\\slash",
        "\"quoted\"",
        "tab\t",
        "a space",
        "é",
        "-dash",
        "%41",
    ];
    for name in names {
        repo.write(
            &format!("apps/{name}/overlays/production/kustomization.yaml"),
            &overlay,
        );
    }
    repo.commit("names");
    let none = |run: Run| {
        assert!(
            run.findings()
                .iter()
                .all(|finding| !finding.starts_with("render-error")),
            "{}",
            run.out
        )
    };
    none(repo.run(CHECK));
    none(repo.run(&base("HEAD~1")));
    assert!(repo.run(&["diff", "HEAD", "--summary"]).out.is_empty());
    assert_eq!(
        repo.run(&["diff", "HEAD~1..HEAD", "--summary"])
            .out
            .lines()
            .count(),
        names.len()
    );
    assert_eq!(
        repo.run(&["status", "--format", "json"]).json()["apps"]
            .as_array()
            .unwrap()
            .len(),
        names.len() + 1
    );
    for name in names {
        repo.append(
            &format!("apps/{name}/overlays/production/kustomization.yaml"),
            "  - name: registry.example.com/none\n    newTag: v1\n",
        );
    }
    repo.git(&["add", "-A"]);
    let found = |run: Run| {
        run.findings()
            .iter()
            .filter(|finding| finding.starts_with("unused-image-override"))
            .count()
    };
    assert_eq!(
        (found(repo.run(&base("HEAD"))), found(repo.run(&staged()))),
        (names.len(), names.len())
    );
    repo.git(&["reset", "-q", "--hard"]);
    // a name that is not UTF-8 cannot stand in a kustomization; every kind of check reports it
    let odd = repo
        .root()
        .join(OsStr::from_bytes(b"apps/caf\xe9/overlays/production"));
    std::fs::create_dir_all(&odd).unwrap();
    std::fs::write(odd.join("kustomization.yaml"), &overlay).unwrap();
    repo.commit("odd");
    let clones = tempfile::tempdir().unwrap();
    let bare = clones.path().join("bare.git");
    repo.clone_into(&bare, &["--bare"]);
    for told in [
        repo.run(CHECK),
        repo.run(&staged()),
        repo.run(&base("HEAD~1")),
        run(&bare, CHECK, &[]),
        repo.run(&["status", "--at", "HEAD"]),
    ] {
        assert!(told.err.contains("its name is not UTF-8"), "{}", told.err);
    }
    // `history` follows a rename that only changes upper and lower case
    repo.git(&["mv", "apps/api", "apps/moved"])
        .git(&["mv", "apps/moved", "apps/API"])
        .commit("case");
    let history = repo.run(&["history", "API"]).expect(0).out;
    assert!(
        history.contains("@aaaaaaaaaaaa  @bbbbbbbbbbbb"),
        "{history}"
    );
}

#[cfg(unix)]
#[test]
fn links_in_git_lead_where_they_do_on_disk() {
    let repo = promoted();
    let link =
        |target: &str, path: &str| std::os::unix::fs::symlink(target, repo.path(path)).unwrap();
    link("../base", "apps/api/overlays/shared");
    for (target, path) in [
        ("loop2", "apps/loop1"),
        ("loop1", "apps/loop2"),
        ("/etc/passwd", "apps/etc"),
        ("../../out", "apps/out"),
        ("x", "apps/dangling"),
    ] {
        link(target, path);
    }
    let text = std::fs::read_to_string(repo.path(PRODUCTION)).unwrap();
    repo.write(PRODUCTION, &text.replace("../../base", "../shared"))
        .commit("links");
    let clones = tempfile::tempdir().unwrap();
    let bare = clones.path().join("bare.git");
    repo.clone_into(&bare, &["--bare"]);
    clean(&repo.run(CHECK));
    clean(&repo.run(&base("HEAD~1")));
    clean(&run(&bare, CHECK, &[]));
    clean(&run(&bare, &base("HEAD~1"), &[]));
    for revisions in ["HEAD~1", "HEAD~1..HEAD"] {
        assert!(
            repo.run(&["diff", revisions, "--summary"]).out.is_empty(),
            "it renders to the same"
        );
    }
    // changing the target of a symbolic link changes what is built through it
    for (target, said) in [
        ("/etc", "leads out of the repository"),
        ("../../../../out", "leads out of the repository"),
        ("loop", "there is no file or folder"),
    ] {
        std::fs::remove_file(repo.path("apps/api/overlays/shared")).unwrap();
        link(target, "apps/api/overlays/shared");
        repo.git(&["add", "-A"]);
        for run in [
            repo.run(&base("HEAD")),
            repo.run(&staged()),
            repo.run(CHECK),
        ] {
            assert!(
                run.findings()
                    .contains(&format!("render-error {PRODUCTION}:1")),
                "{target}: {}",
                run.out
            );
            assert!(run.out.contains(said), "{target}: {}", run.out);
        }
    }
}

/// A repo whose app `lib` is built from a submodule.
fn with_submodule(module: &Repo) -> Repo {
    let repo = promoted();
    repo.git(&[
        "submodule",
        "--quiet",
        "add",
        &module.root().display().to_string(),
        "vendor",
    ]);
    for environment in ["staging", "production"] {
        let text = format!("resources: [../../../../vendor/apps/web/overlays/{environment}]\n");
        repo.write(
            &format!("apps/lib/overlays/{environment}/kustomization.yaml"),
            &text,
        );
    }
    // the apps in the submodule are not apps of this repo
    repo.write(
        ".gitops-lint.yaml",
        "layout:\n  - {path: 'vendor/**', ignore: true}\n",
    )
    .commit("add a submodule");
    repo
}

const LIB: &str = "apps/lib/overlays/production/kustomization.yaml";
const VENDORED: &str = "vendor/apps/web/overlays/production/kustomization.yaml";

#[test]
fn submodules_are_read_and_compared_where_they_are_checked_out() {
    let module = Repo::new();
    module.git(&["init", "-q"]).app("web").commit("web");
    let repo = with_submodule(&module);
    clean(&repo.run(CHECK));
    let told = |run: Run| {
        assert!(
            run.out
                .contains("apps/lib/overlays/production: lib, production: added (1 resource)"),
            "{}",
            run.out
        )
    };
    told(repo.run(&["diff", "HEAD~1..HEAD", "--summary"]));
    told(repo.run(&["diff", "HEAD~1", "--summary"]));
    assert!(
        repo.run(&["status", "--images", "--at", "HEAD"])
            .out
            .contains("lib  production")
            || repo
                .run(&["status", "--images", "--at", "HEAD"])
                .out
                .contains("lib   production")
    );
    // moving the submodule brings an untested build to production
    module.pin("web", "production", 'd').commit("d");
    run_git(&repo.path("vendor"), &["pull", "-q"]);
    let mismatch = format!("digest-mismatch {VENDORED}:4");
    assert!(
        repo.run(&base("HEAD")).findings().contains(&mismatch),
        "not staged yet"
    );
    clean(&repo.run(&staged()));
    repo.git(&["add", "vendor"]);
    let told = [mismatch, "submodule-change .gitmodules:2".to_string()];
    let both = |run: Run| {
        assert!(
            told.iter().all(|finding| run.findings().contains(finding)),
            "{}",
            run.out
        )
    };
    both(repo.run(&staged()));
    repo.commit("move the submodule");
    both(repo.run(&base("HEAD~1")));
    let added = repo.run(&base("HEAD~2"));
    assert!(
        added.out.contains("adds the submodule `vendor` at") && added.findings().contains(&told[1]),
        "{}",
        added.out
    );
    assert_eq!(
        repo.run(&["diff", "HEAD~1..HEAD", "--summary"]).out,
        "apps/lib/overlays/production: lib, production: changed (1 resource)\n"
    );
    let history = repo.run(&["history", "lib"]).out;
    assert!(
        history.contains("@aaaaaaaaaaaa  @dddddddddddd"),
        "{history}"
    );
    // the submodule is removed
    repo.git(&["rm", "-q", "vendor"]);
    for run in [repo.run(&base("HEAD")), repo.run(&staged())] {
        assert!(
            run.findings().contains(&format!("render-error {LIB}:1")),
            "{}",
            run.out
        );
    }
}

#[test]
fn a_submodule_that_is_not_here_is_told() {
    let module = Repo::new();
    module.git(&["init", "-q"]).app("web").commit("web");
    let repo = with_submodule(&module);
    module
        .pin("web", "production", 'd')
        .pin("web", "staging", 'd')
        .commit("d");
    run_git(&repo.path("vendor"), &["pull", "-q"]);
    repo.commit("move the submodule");
    let clones = tempfile::tempdir().unwrap();
    let without = clones.path().join("without");
    repo.clone_into(&without, &[]);
    let incomplete = format!("incomplete-checkout {LIB}:1");
    let whole = run(&without, CHECK, &[]);
    assert!(
        whole.findings().contains(&incomplete) && whole.status == 1,
        "{}",
        whole.out
    );
    assert!(
        whole
            .out
            .contains("is in the submodule vendor, which is not checked out")
            && whole.out.contains("git submodule update --init")
    );
    let moved = run(&without, &base("HEAD~1"), &[]);
    assert!(
        moved.findings().contains(&incomplete) && moved.status == 1,
        "the change moves it: {}",
        moved.out
    );
    assert!(run(&without, &["status"], &[]).err.contains(
        "cannot be rendered completely, so images may be missing: apps/lib/overlays/production"
    ));
    // the submodule is checked out but lacks the commit that the base uses
    let shallow = clones.path().join("shallow");
    repo.clone_into(&shallow, &[]);
    run_git(
        &shallow,
        &[
            "config",
            "submodule.vendor.url",
            &format!("file://{}", module.root().display()),
        ],
    );
    run_git(
        &shallow,
        &["submodule", "--quiet", "update", "--init", "--depth", "1"],
    );
    let run = run(&shallow, &base("HEAD~1"), &[]);
    let report = run.json();
    let told = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["rule"] == "incomplete-checkout")
        .unwrap();
    assert!(
        told["message"]
            .as_str()
            .unwrap()
            .contains("a commit that its clone lacks"),
        "{report:#}"
    );
    assert_eq!(
        told["help"],
        "git -C vendor fetch --unshallow, or `fetch-depth: 0` in CI"
    );
}

#[test]
fn work_trees_find_their_repository_or_say_why_not() {
    let repo = promoted();
    let folder = tempfile::tempdir().unwrap();
    let linked = folder.path().join("linked");
    repo.git(&[
        "worktree",
        "add",
        "-q",
        "-b",
        "linked",
        &linked.display().to_string(),
    ]);
    std::fs::write(
        linked.join(PRODUCTION),
        std::fs::read_to_string(linked.join(PRODUCTION))
            .unwrap()
            .replace(&digest('b'), &digest('c')),
    )
    .unwrap();
    clean(&run(&linked, &staged(), &[]));
    run_git(&linked, &["add", "-A"]);
    for arguments in [staged(), base("HEAD"), base("main"), base("HEAD~1")] {
        assert_eq!(
            run(&linked, &arguments, &[]).findings(),
            [format!("digest-mismatch {PRODUCTION}:4")],
            "{arguments:?}"
        );
    }
    clean(&repo.run(&staged()));
    // the Git folder is outside of the work tree
    run_git(
        folder.path(),
        &[
            "clone",
            "-q",
            "--separate-git-dir=there.git",
            &repo.root().display().to_string(),
            "here",
        ],
    );
    clean(&run(&folder.path().join("here"), &base("HEAD~1"), &[]));
    std::fs::rename(
        folder.path().join("there.git"),
        folder.path().join("gone.git"),
    )
    .unwrap();
    let here = folder.path().join("here");
    refused(
        run(&here, &base("HEAD~1"), &[]),
        &[
            "points at",
            "there.git, which does not exist",
            "mount it as well",
        ],
    );
    clean(&run(&here, CHECK, &[]));
    // `GIT_DIR` and `GIT_WORK_TREE` are ignored
    let elsewhere = [
        ("GIT_DIR", repo.path(".git").display().to_string()),
        ("GIT_WORK_TREE", here.display().to_string()),
    ];
    let elsewhere: Vec<(&str, &str)> = elsewhere
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    std::fs::remove_file(here.join(".git")).unwrap();
    refused(
        run(&here, &base("HEAD~1"), &elsewhere),
        &["there is no Git repository here; GIT_DIR is not followed"],
    );
    // linked work trees inside of the folder are not checked
    repo.git(&["worktree", "add", "-q", "-b", "inside", ".trees/inside"]);
    let report = repo.run(CHECK).json();
    assert_eq!(report["summary"]["overlays"], 3, "{report:#}");
    assert_eq!(
        run(&repo.path(".trees/inside"), CHECK, &[]).json()["summary"]["overlays"],
        3
    );
    clean(&repo.run(&base("HEAD")));
    repo.git(&["worktree", "remove", ".trees/inside"]);
    // a clone of another repository that CI put here is not part of the change
    run_git(
        repo.root(),
        &["clone", "-q", &repo.root().display().to_string(), "tools"],
    );
    std::fs::write(
        repo.path("tools").join(PRODUCTION),
        "resources: [missing.yaml]\n",
    )
    .unwrap();
    clean(&repo.run(&base("HEAD~1")));
    assert_eq!(repo.run(&["diff", "HEAD", "--summary"]).out, "");
    std::fs::remove_dir_all(repo.path("tools")).unwrap();
    // a subfolder of the repository
    let below = repo.path("apps/api");
    assert_eq!(run(&below, &base("HEAD~1"), &[]).status, 0);
    assert!(
        run(&below, &["history", "api"], &[])
            .out
            .contains("@aaaaaaaaaaaa  @bbbbbbbbbbbb")
    );
    // a bare repository with linked work trees
    run_git(
        folder.path(),
        &[
            "clone",
            "-q",
            "--bare",
            &repo.root().display().to_string(),
            "trees/.bare",
        ],
    );
    let trees = folder.path().join("trees");
    std::fs::write(trees.join(".git"), "gitdir: ./.bare\n").unwrap();
    run_git(&trees, &["worktree", "add", "-q", "main", "main"]);
    clean(&run(&trees.join("main"), &base("HEAD~1"), &[]));
    refused(
        run(&trees, CHECK, &[]),
        &["holds linked work trees only", "main", "run in one of them"],
    );
    // a bare repository without a commit
    let bare = folder.path().join("empty.git");
    run_git(folder.path(), &["init", "-q", "--bare", "empty.git"]);
    refused(run(&bare, CHECK, &[]), &["the branch has no commit yet"]);
    refused(
        run(&bare, &staged(), &[]),
        &["a bare repository has no index"],
    );
    refused(
        run(&bare, &["init"], &[]),
        &["is a bare repository without files to write to"],
    );
    assert!(!bare.join(".gitops-lint.yaml").exists());
    let unborn = Repo::new();
    unborn.git(&["init", "-q"]).app("api");
    refused(unborn.run(&base("HEAD")), &["the branch has no commit yet"]);
    refused(
        unborn.run(&base("HEAD~1")),
        &["the branch has no commit yet"],
    );
    refused(
        unborn.run(&["history", "api"]),
        &["the branch has no commit yet"],
    );
}

#[test]
fn what_filters_make_of_files_is_no_change() {
    let repo = promoted();
    // line ends on disk differ from those in Git (`core.autocrlf`)
    repo.git(&["config", "core.autocrlf", "true"]);
    let fresh = || {
        std::fs::remove_dir_all(repo.path("apps")).unwrap();
        repo.git(&["checkout", "-q", "--", "apps"]);
        assert!(
            std::fs::read_to_string(repo.path(PRODUCTION))
                .unwrap()
                .contains("\r\n")
        );
    };
    fresh();
    clean(&repo.run(&base("HEAD~1")));
    clean(&repo.run(&staged()));
    assert!(repo.run(&["diff", "HEAD", "--summary"]).out.is_empty());
    repo.git(&["config", "core.autocrlf", "false"])
        .write(".gitattributes", "*.yaml text eol=crlf\n")
        .commit("line ends");
    fresh();
    // without an index
    std::fs::remove_file(repo.path(".git/index")).unwrap();
    assert!(repo.run(&["diff", "HEAD", "--summary"]).out.is_empty());
    repo.git(&["reset", "-q"]);
    clean(&repo.run(&base("HEAD")));
    assert!(
        repo.run(&["history", "api"])
            .out
            .lines()
            .all(|line| !line.contains("not committed"))
    );
    // `$Format:%H$` is only replaced by `git archive`
    repo.append(PRODUCTION, "# $Format:%H$\n")
        .write(".gitattributes", "*.yaml export-subst ident\n")
        .commit("placeholders");
    assert!(repo.run(&["diff", "HEAD", "--summary"]).out.is_empty());
    // no filter of the repository is run
    let trap = repo.path("run");
    let touch = format!("touch {}; cat", trap.display());
    for name in [
        "filter.trap.clean",
        "filter.trap.smudge",
        "filter.trap.process",
        "core.fsmonitor",
        "core.sshCommand",
        "diff.external",
    ] {
        repo.git(&["config", name, &touch]);
    }
    repo.write(
        ".git/hooks/post-index-change",
        &format!("#!/bin/sh\n{touch}\n"),
    )
    .write(".gitattributes", "*.yaml filter=trap diff=trap\n");
    let production = std::fs::read_to_string(repo.path(PRODUCTION)).unwrap();
    repo.write(PRODUCTION, &format!("{production}# more\n"));
    for arguments in [
        CHECK,
        &base("HEAD~1"),
        &staged(),
        &["status"],
        &["history", "api"],
        &["diff", "HEAD"],
    ] {
        repo.run(arguments).expect(0);
    }
    assert!(!trap.exists());
}

#[test]
fn pointers_of_git_lfs_are_told_and_compared_by_what_they_stand_for() {
    let repo = promoted();
    let content = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata: {a: b}\n";
    // the output of sha256sum for the content
    let digest = "5120f5ef2d4df5b80dd057b7161f7b973a5a5d009cf8332194332a7d481fccb9";
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {}\n",
        content.len()
    );
    let path = "apps/api/overlays/production/big.yaml";
    repo.write(path, &pointer).list("big.yaml").commit("large");
    let found = repo.run(CHECK);
    assert_eq!(
        found.findings(),
        [format!("incomplete-checkout {PRODUCTION}:1")]
    );
    assert!(
        found.out.contains("pointer of Git LFS") && found.out.contains("git lfs pull"),
        "{}",
        found.out
    );
    // the content was fetched, but the index does not know it
    repo.write(path, content);
    clean(&repo.run(CHECK));
    assert!(repo.run(&["diff", "HEAD", "--summary"]).out.is_empty());
    repo.write(path, &content.replace("a: b", "a: c"));
    assert!(
        repo.run(&["diff", "HEAD", "--summary"])
            .out
            .contains("production")
    );
    // Git holds only pointers; fetched content is in `.git/lfs`
    repo.git(&["checkout", "-q", "--", "."]);
    assert_eq!(
        repo.run(&base("HEAD~1")).findings(),
        [format!("incomplete-checkout {PRODUCTION}:1")]
    );
    repo.spoil("api", "dev", "unused").git(&["add", "-A"]);
    let two = |run: Run| {
        run.findings()
            .iter()
            .filter(|finding| finding.starts_with("incomplete-checkout"))
            .count()
    };
    assert_eq!(two(repo.run(&staged())), 1);
    repo.write(
        &format!(
            ".git/lfs/objects/{}/{}/{digest}",
            &digest[..2],
            &digest[2..4]
        ),
        "something else",
    );
    assert_eq!(
        two(repo.run(&staged())),
        1,
        "the content is not the one that was meant"
    );
    repo.write(
        &format!(
            ".git/lfs/objects/{}/{}/{digest}",
            &digest[..2],
            &digest[2..4]
        ),
        content,
    );
    assert_eq!(two(repo.run(&staged())), 0);
    repo.git(&["reset", "-q", "--hard"])
        .write("README.md", "x")
        .commit("words");
    assert!(
        repo.run(&["diff", "HEAD~2..HEAD", "--summary"])
            .out
            .contains("changed (1 resource)")
    );
}

#[test]
fn revisions_are_named_in_every_way_of_git() {
    let repo = promoted();
    repo.git(&["tag", "-a", "v1", "-m", "v1", "HEAD~1"])
        .git(&["tag", "light", "HEAD~1"]);
    repo.git(&["tag", "-a", "v2", "-m", "v2", "v1"]).git(&[
        "tag",
        "file",
        &format!("HEAD:{PRODUCTION}"),
    ]);
    repo.git(&["checkout", "-q", "-b", "side", "HEAD~1"])
        .write("README.md", "x")
        .commit("side");
    repo.git(&["checkout", "-q", "main"])
        .git(&["merge", "-q", "--no-ff", "-m", "merge", "side"])
        .git(&["checkout", "-q", "--detach"]);
    repo.git(&["pack-refs", "--all"]);
    let (full, start) = (repo.id("HEAD~2"), repo.id("HEAD~3"));
    let names = [
        "v1",
        "v2",
        "light",
        "v1^{}",
        "tags/v1",
        "HEAD~2",
        "HEAD^^",
        "HEAD^2~1",
        "HEAD^1~1",
        "@~2",
        ":/stage",
        "HEAD^{/stage}",
        &full,
        &full[..9],
        "main~2",
    ];
    for name in names {
        let run = repo.run(&["diff", &format!("{start}..{name}"), "--summary"]);
        assert!(
            run.out
                .contains(STAGING.trim_end_matches("/kustomization.yaml"))
                && run.out.lines().count() == 1,
            "{name}: {}{}",
            run.out,
            run.err
        );
        clean(&repo.run(&base(name)));
    }
    let cases = [
        ("nothing", "there is no revision \"nothing\""),
        ("HEAD~9", "there is no revision \"HEAD~9\": HEAD exists"),
        ("HEAD^3", "there is no revision \"HEAD^3\": HEAD exists"),
        ("HEAD:apps", "it is a tree, not a commit"),
        ("file", "it is a blob, not a commit"),
        ("main..HEAD", "it is a range"),
        ("HEAD^!", "it is a range"),
        ("deadbeef", "there is no revision \"deadbeef\""),
        (
            "0000000000000000000000000000000000000000",
            "Git writes for no revision",
        ),
        ("", "the name of the revision is empty"),
        ("origin/main", "git fetch gets what the clone lacks"),
        ("a\u{1b}[31m", "there is no revision \"a\\u{1b}[31m\""),
    ];
    for (name, said) in cases {
        refused(
            repo.run(&[CHECK, &[&format!("--base={name}")]].concat()),
            &[said],
        );
    }
}

#[test]
fn histories_of_every_shape_have_a_base_or_say_why_not() {
    let repo = promoted();
    // the base is the head itself
    clean(&repo.run(&base("HEAD")));
    // the base branch has moved on
    repo.git(&["checkout", "-q", "-b", "change", "HEAD~1"])
        .write("README.md", "x")
        .commit("words");
    let run = repo.run(&base("main"));
    clean(&run);
    assert!(repo.run(&["diff", "main", "--summary"]).out.is_empty());
    // a criss-cross merge has two merge bases; the newer one counts
    repo.app("web").commit("web");
    for (right, left) in [(1, 2), (2, 1), (1, 1)] {
        repo.git(&["checkout", "-q", "-B", "right", "change"])
            .pin("web", "dev", 'b')
            .commit_on(right, "right");
        repo.git(&["checkout", "-q", "-B", "left", "change"])
            .pin("web", "staging", 'c')
            .commit_on(left, "left");
        repo.git(&["merge", "-q", "-m", "left and right", "right"])
            .git(&["checkout", "-q", "right"]);
        repo.git(&["merge", "-q", "-m", "right and left", "left~1"])
            .pin("web", "dev", 'd')
            .commit("right goes on");
        let bases = run_git(repo.root(), &["merge-base", "--all", "left", "right"]);
        assert_eq!(bases.lines().count(), 2);
        // the one that Git names first; for equal times the one with the lower id
        let first = if right == left {
            bases.lines().min()
        } else {
            bases.lines().next()
        }
        .unwrap();
        let own = repo.run(&["diff", "left...right", "--summary"]);
        assert!(own.err.contains(&format!(
            "have 2 merge bases; compared with the newest, {}",
            &first[..10]
        )));
        assert_eq!(
            own.out,
            repo.run(&["diff", &format!("{first}..right"), "--summary"])
                .out
        );
        clean(&repo.run(&base("left")));
    }
    // a merge of several branches at once
    for name in ["one", "two", "three"] {
        repo.git(&["checkout", "-q", "-b", name, "main"])
            .write(&format!("docs/{name}"), name)
            .commit(name);
    }
    repo.git(&["checkout", "-q", "main"])
        .git(&["merge", "-q", "-m", "all", "one", "two", "three"]);
    for revision in ["HEAD~1", "HEAD^2", "HEAD^3", "one"] {
        clean(&repo.run(&base(revision)));
    }
    assert!(
        repo.run(&["history", "api"])
            .out
            .contains("@aaaaaaaaaaaa  @bbbbbbbbbbbb")
    );
    // commits without a change, and without a message
    repo.git(&["commit", "-q", "--allow-empty", "-m", "nothing"])
        .git(&[
            "commit",
            "-q",
            "--allow-empty",
            "--allow-empty-message",
            "-m",
            "",
        ]);
    clean(&repo.run(&base("HEAD~2")));
    // branches without a common commit
    repo.git(&["checkout", "-q", "--orphan", "other"])
        .commit("orphan");
    refused(
        repo.run(&base("main")),
        &[
            "have no common ancestor: their histories are unrelated",
            "gitops-lint diff ",
        ],
    );
    assert_eq!(
        repo.run(&["diff", "main..other", "--summary"])
            .expect(0)
            .out,
        ""
    );
    refused(
        repo.run(&["diff", "main...other"]),
        &["have no common ancestor"],
    );
    // a base without any file
    repo.git(&["checkout", "-q", "--orphan", "empty"])
        .git(&["rm", "-rfq", "."])
        .git(&["commit", "-q", "--allow-empty", "-m", "empty"]);
    repo.git(&["checkout", "-q", "-b", "first"])
        .app("api")
        .commit("first");
    let found = repo.run(&base("empty")).expect(0);
    assert_eq!(
        found.findings(),
        ["production-only-change apps/api/base/deployment.yaml:1"]
    );
    assert_eq!(
        repo.run(&["diff", "empty..first", "--summary"])
            .out
            .matches("added")
            .count(),
        3
    );
    assert_eq!(
        repo.run(&["diff", "first..empty", "--summary"])
            .out
            .matches("removed")
            .count(),
        3
    );
    refused(
        repo.run(&["status", "--at", "empty"]),
        &["no overlay that belongs to an environment was found"],
    );
}

#[test]
fn commits_that_tools_broke_hide_nothing() {
    let repo = promoted();
    repo.write(
        ".gitops-lint.yaml",
        "rules:\n  insufficient-soak: {level: error, atLeast: 24h}\n",
    )
    .commit("soak");
    let start = repo.id("HEAD");
    let heads = [
        "author Ada <ada@example.com> 99999999999999 +0000\ncommitter Ada <ada@example.com> 99999999999999 +0000\n",
        "author Ada <ada@example.com> -86400 +0000\ncommitter Ada <ada@example.com> -9223372036854775808 +0000\n",
        "author Ada <ada@example.com> 18446744073709551615 +0000\ncommitter Ada <ada@example.com> 18446744073709551615 -0000\n",
        "author  <> 1 +0000\ncommitter  <> 1 +9999\n",
        "author Ada ada@example.com 1 +0000\ncommitter Ada ada@example.com 1 +0000\n",
        "author Ada <ada@example.com>\ncommitter Ada\n",
        "author A <a<b>c@example.com>> x +0000\ncommitter A <a> 1 +51800000 more\nencoding KOI8-R\n",
        "",
    ];
    for head in heads {
        repo.git(&["checkout", "-q", "--detach", &start])
            .pin("api", "staging", 'c')
            .git(&["add", "-A"]);
        let tree = run_git(repo.root(), &["write-tree"]);
        let commit = repo.path(".git/commit");
        let mut bytes = format!("tree {tree}\nparent {start}\n{head}\n").into_bytes();
        bytes.extend(b"stage c \xff\x1b[31m\n");
        std::fs::write(&commit, bytes).unwrap();
        let odd = run_git(
            repo.root(),
            &[
                "hash-object",
                "-t",
                "commit",
                "-w",
                "--literally",
                ".git/commit",
            ],
        );
        repo.git(&["reset", "-q", "--hard", &start])
            .git(&["update-ref", "refs/heads/odd", &odd])
            .git(&["checkout", "-q", "odd"]);
        // the commit as the change, the past, the base, and a revision
        let run = repo.run(&base(&start));
        assert_eq!(run.status, 0, "{head}: {}{}", run.out, run.err);
        for arguments in [
            &["status", "--images"][..],
            &["history", "api"],
            &["status", "--images", "--at", "odd"],
            &["status", "--format", "json"],
        ] {
            let run = repo.run(arguments).expect(0);
            assert!(
                !run.err.contains("not complete")
                    && run.out.contains(&odd[..10])
                    && !run.out.contains('\u{1b}'),
                "{head}: {}{}",
                run.out,
                run.err
            );
        }
        repo.pin("api", "production", 'c').commit("promote c");
        let run = repo.run(&base("odd"));
        assert!(
            !run.findings()
                .contains(&format!("digest-mismatch {PRODUCTION}:4")),
            "{head}: {}",
            run.out
        );
        assert!(run.status < 2, "{head}: {}", run.err);
    }
}

#[test]
fn large_files_in_git_are_refused_and_told() {
    let repo = promoted();
    repo.write(
        "apps/api/overlays/production/large.yaml",
        &"a".repeat((64 << 20) + 1),
    )
    .list("large.yaml")
    .commit("large");
    for arguments in [CHECK.to_vec(), base("HEAD~1")] {
        let run = repo.run(&arguments);
        assert_eq!(run.findings(), [format!("render-error {PRODUCTION}:1")]);
        assert!(run.out.contains("larger than 64 MiB"), "{}", run.out);
    }
    // a large file that only the base has does not affect the check
    repo.git(&["revert", "--no-edit", "HEAD"]);
    assert_eq!(
        repo.run(&base("HEAD~1")).expect(0).findings(),
        Vec::<String>::new()
    );
}

#[cfg(unix)]
#[test]
fn a_repository_of_another_user_is_read() {
    let repo = promoted();
    // the repository may belong to another user: nothing in it is run, so it need not be trusted
    let owner = std::process::Command::new("chown")
        .args(["-R", "12345:12345"])
        .arg(repo.root())
        .output();
    if !owner.is_ok_and(|done| done.status.success()) {
        return not_tested("a repository of another user, which takes root to make");
    }
    assert!(
        !try_git(repo.root(), &["status"]).status.success(),
        "Git itself refuses it"
    );
    for arguments in [CHECK.to_vec(), base("HEAD~1"), staged()] {
        clean(&repo.run(&arguments));
    }
    assert!(repo.run(&["status"]).expect(0).err.is_empty());
}

#[test]
fn a_tree_that_names_what_lies_outside_opens_nothing() {
    // a submodule whose path leads out of the repository, which Git itself would not write
    let outside = tempfile::tempdir().unwrap();
    let other = outside.path().join("other");
    std::fs::create_dir(&other).unwrap();
    run_git(&other, &["init", "-q"]);
    std::fs::write(other.join("kustomization.yaml"), "namePrefix: private-\n").unwrap();
    run_git(&other, &["add", "-A"]);
    run_git(&other, &["commit", "-q", "-m", "private"]);
    let private = run_git(&other, &["rev-parse", "HEAD"]);
    let folder = outside.path().join("repo");
    std::fs::create_dir(&folder).unwrap();
    run_git(&folder, &["init", "-q"]);
    let raw = |hex: &str| {
        (0..20)
            .map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap())
            .collect::<Vec<u8>>()
    };
    let write = |kind: &str, bytes: &[u8]| {
        std::fs::write(folder.join("object"), bytes).unwrap();
        run_git(
            &folder,
            &["hash-object", "-t", kind, "-w", "--literally", "object"],
        )
    };
    // a tree with the entries `production/../other` and `production/kustomization.yaml`
    let kustomization = write("blob", b"resources: [../../other]\n");
    let tree = |entries: &[(&str, &str, &str)]| {
        let one = |(mode, name, id): &(&str, &str, &str)| {
            [format!("{mode} {name}\0").into_bytes(), raw(id)].concat()
        };
        write("tree", &entries.iter().flat_map(one).collect::<Vec<u8>>())
    };
    let up = tree(&[("160000", "other", &private)]);
    let production = tree(&[
        ("40000", "..", &up),
        ("100644", "kustomization.yaml", &kustomization),
    ]);
    let root = tree(&[
        ("160000", "../other", &private),
        ("40000", "production", &production),
    ]);
    let commit = write(
        "commit",
        format!("tree {root}\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\nodd\n").as_bytes(),
    );
    run_git(&folder, &["update-ref", "refs/heads/main", &commit]);
    for arguments in [
        &["status", "--at", "main"][..],
        &["diff", "main..main"],
        &["render", "production"],
    ] {
        let run = run(&folder, arguments, &[]);
        assert!(!run.out.contains("private-"), "{}", run.out);
    }
    // a symbolic link instead of the submodule's folder
    let repo = promoted();
    repo.git(&[
        "update-index",
        "--add",
        "--cacheinfo",
        &format!("160000,{private},vendor"),
    ])
    .list("../../../../vendor")
    .git(&["add", PRODUCTION]);
    repo.git(&["commit", "-q", "-m", "vendor"]);
    #[cfg(unix)]
    std::os::unix::fs::symlink(&other, repo.path("vendor")).unwrap();
    for run in [
        repo.run(CHECK),
        repo.run(&staged()),
        repo.run(&base("HEAD~1")),
        repo.run(&["status", "--at", "HEAD"]),
        repo.run(&["diff", "HEAD~1..HEAD"]),
    ] {
        assert!(
            !run.out.contains("private-") && !run.out.contains("this kustomization"),
            "{}",
            run.out
        );
    }
}
