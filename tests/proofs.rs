//! Random histories, checked against a simple model: what proves a promotion, and what `status`
//! shows for each environment.
//!
//! The model records which build each environment ran at every commit of the first-parent line. It
//! knows nothing about YAML or Git.

#![allow(clippy::unwrap_used)]

#[path = "program/apps.rs"]
mod apps;
mod program;

use std::collections::BTreeSet;

use apps::{deployment, digest};
use program::{Repo, run_git};
use serde_json::Value;

const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "production"];
const LETTERS: u64 = 6;

/// The build that each environment runs, as the letter of its digest.
type Running = [char; 3];

/// A sequence of numbers that is the same on every machine (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
    fn letter(&mut self) -> char {
        char::from(b'a' + self.below(LETTERS) as u8)
    }
}

/// A repo with one app, and the model of its past.
struct World {
    repo: Repo,
    folder: &'static str,
    running: Running,
    /// The versions that ran at each commit of the first-parent line, oldest first, with the id of
    /// the commit.
    past: Vec<(Running, String)>,
}

impl World {
    fn new() -> World {
        let repo = Repo::new();
        repo.git(&["init", "-q"]);
        let mut world = World {
            repo,
            folder: "apps/api",
            running: ['a'; 3],
            past: Vec::new(),
        };
        world.repo.write(
            "apps/api/base/kustomization.yaml",
            "resources: [deployment.yaml]\n",
        );
        world
            .repo
            .write("apps/api/base/deployment.yaml", &deployment("api"));
        world.write();
        world.repo.commit("start");
        world.note();
        world
    }

    fn write(&self) {
        for (environment, letter) in ENVIRONMENTS.iter().zip(self.running) {
            let path = format!("{}/overlays/{environment}/kustomization.yaml", self.folder);
            let pin = format!(
                "resources: [../../base]\nimages:\n  - name: registry.example.com/api\n    digest: {}\n",
                digest(letter)
            );
            self.repo.write(&path, &pin);
        }
    }

    fn note(&mut self) {
        self.past.push((
            self.running,
            run_git(self.repo.root(), &["rev-parse", "HEAD"]),
        ));
    }

    /// Commits all files, directly or on a branch that is merged.
    fn commit(&mut self, random: &mut Random) {
        if random.one_in(3) {
            self.repo
                .git(&["checkout", "-q", "-b", "change"])
                .commit("change")
                .git(&["checkout", "-q", "main"]);
            self.repo
                .git(&["merge", "-q", "--no-ff", "-m", "merge", "change"])
                .git(&["branch", "-q", "-D", "change"]);
        } else {
            self.repo.commit("change");
        }
        self.note();
    }

    fn rename(&mut self) {
        let other = if self.folder == "apps/api" {
            "apps/backend"
        } else {
            "apps/api"
        };
        self.repo.git(&["mv", self.folder, other]).commit("rename");
        self.folder = other;
        self.note();
    }

    fn ran(&self, environment: usize, letter: char) -> bool {
        self.past
            .iter()
            .any(|(running, _)| running[environment] == letter)
    }

    /// The rules that must report a change from the running builds to `next`.
    fn broken(&self, next: Running) -> BTreeSet<&'static str> {
        let mut broken = BTreeSet::new();
        let moved = |environment: usize| next[environment] != self.running[environment];
        if !moved(2) {
            return broken;
        }
        if !self.ran(2, next[2]) && !self.ran(1, next[2]) {
            broken.insert(if next[..2].contains(&next[2]) {
                "skipped-environment"
            } else {
                "digest-mismatch"
            });
        }
        let returns =
            |environment: usize| !moved(environment) || self.ran(environment, next[environment]);
        if (moved(0) || moved(1)) && !(0..3).all(returns) {
            broken.insert("mixed-promotion");
        }
        if moved(2) && self.earlier(2).contains(&next[2]) && next[1] != next[2] {
            broken.insert("rollback");
        }
        broken
    }

    /// The commit since which an environment runs its present build.
    fn since(&self, environment: usize) -> &str {
        let other = self
            .past
            .iter()
            .rposition(|(running, _)| running[environment] != self.running[environment]);
        &self.past[other.map_or(0, |at| at + 1)].1
    }

    /// The earlier builds of an environment, newest first, without the present one.
    fn earlier(&self, environment: usize) -> Vec<char> {
        let mut letters: Vec<char> = self
            .past
            .iter()
            .rev()
            .map(|(running, _)| running[environment])
            .collect();
        letters.dedup();
        letters.split_off(1)
    }

    /// The relation of an environment to the previous one, as `status` shows it.
    fn relation(&self, environment: usize) -> (Value, Value) {
        let Some(before) = environment.checked_sub(1) else {
            return ("unknown".into(), Value::Null);
        };
        let (own, other) = (self.running[environment], self.running[before]);
        if own == other {
            return ("same".into(), Value::Null);
        }
        if let Some(at) = self
            .earlier(before)
            .iter()
            .position(|letter| *letter == own)
        {
            return ("behind".into(), (at + 1).into());
        }
        (
            if self.earlier(environment).contains(&other) {
                "ahead"
            } else {
                "unknown"
            }
            .into(),
            Value::Null,
        )
    }

    fn check(&self, next: Running, told: &str) {
        let run = self
            .repo
            .run(&["check", "--format", "json", "--base", "HEAD"]);
        let found: BTreeSet<String> = run
            .findings()
            .iter()
            .map(|finding| finding.split(' ').next().unwrap().to_string())
            .collect();
        let wanted: BTreeSet<String> = self.broken(next).into_iter().map(str::to_string).collect();
        assert_eq!(
            found,
            wanted,
            "{told}: {:?} to {next:?} after {:?}\n{}",
            self.running,
            self.letters(),
            run.out
        );
    }

    fn status(&self, told: &str) {
        let status = self.repo.run(&["status", "--format", "json"]).json();
        for (index, environment) in status["apps"][0]["environments"]
            .as_array()
            .unwrap()
            .iter()
            .enumerate()
        {
            let image = &environment["images"][0];
            let found = (
                &image["digest"],
                &image["commit"],
                &image["relation"],
                &image["behind_by"],
            );
            let (relation, behind) = self.relation(index);
            let (digest, since) = (
                Value::from(digest(self.running[index])),
                Value::from(self.since(index)),
            );
            assert_eq!(
                found,
                (&digest, &since, &relation, &behind),
                "{told}: {} after {:?}",
                ENVIRONMENTS[index],
                self.letters()
            );
        }
    }

    fn letters(&self) -> Vec<String> {
        self.past
            .iter()
            .map(|(running, _)| running.iter().collect())
            .collect()
    }
}

/// The builds after the next change: a promotion, work in progress, a rollback, or a mistake.
fn changed(running: Running, random: &mut Random) -> Running {
    let mut next = running;
    if random.one_in(2) {
        next[2] = if random.one_in(3) {
            running[1]
        } else {
            random.letter()
        };
    }
    if random.one_in(2) {
        next[1] = if random.one_in(4) {
            next[2]
        } else {
            random.letter()
        };
    }
    if random.one_in(4) {
        next[0] = random.letter();
    }
    next
}

#[test]
fn random_histories_prove_what_they_should() {
    let histories: u64 = std::env::var("HISTORIES")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(8);
    let first: u64 = std::env::var("FIRST")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(1);
    for seed in first..first + histories {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let mut world = World::new();
        for step in 0..12 {
            let told = format!("history {seed}, step {step}");
            if random.one_in(6) {
                world.rename();
            }
            let next = changed(world.running, &mut random);
            let now = std::mem::replace(&mut world.running, next);
            world.write();
            world.running = now;
            world.check(next, &told);
            world.running = next;
            if next != now {
                world.commit(&mut random);
            }
            if step % 4 == 3 {
                world.status(&told);
            }
        }
    }
}
