//! Benchmarks: a whole check of a generated repo, and the shapes of kustomizations that grow out of
//! hand.
//!
//! `cargo bench` runs all; `cargo bench -- rendering` the small ones.

use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use gitops_lint::check::{self, Request};
use gitops_lint::config::Config;
use gitops_lint::kustomize::{RenderOptions, Renderer};
use gitops_lint::repo::Repo;
use gitops_lint::source::memory::Memory;
use gitops_lint::source::{Files, Source};
use jiff::civil;
use jiff::tz::TimeZone;

mod generated;

use generated::Tree;

fn source(tree: &Tree) -> Arc<dyn Source> {
    Arc::new(Memory::new(
        tree.iter()
            .map(|(path, text)| (path.as_str(), text.as_str())),
    ))
}

fn render(source: &Arc<dyn Source>, folder: &str) -> usize {
    let renderer = Renderer::new(
        source.clone(),
        Arc::new(Files::default()),
        RenderOptions::default(),
    );
    let rendered = renderer.render(folder);
    assert!(rendered.complete, "{:?}", rendered.problems.first());
    rendered.resources.len()
}

fn rendering(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rendering");
    group.sample_size(10);
    let cases = [
        ("chain of 120", generated::chain(120), "level-0120"),
        ("diamond of 500", generated::diamond(500), "top"),
        ("base of 5,000 resources", generated::crowd(5000), "top"),
    ];
    for (name, tree, folder) in cases {
        let source = source(&tree);
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(render(&source, folder)))
        });
    }
    group.finish();
}

fn whole_check(criterion: &mut Criterion) {
    let tree = generated::shop(1000);
    let source = source(&tree);
    let config = Config::default();
    let now = civil::date(2027, 1, 1)
        .to_zoned_datetime(TimeZone::UTC)
        .expect("a day that exists");
    let check = || {
        let repo = Repo::load(source.clone(), None, &config);
        let outcome = check::run(Request::new(&repo, &config, now.clone()));
        assert_eq!((outcome.overlays.len(), outcome.counts.errors), (3000, 0));
        outcome.counts.resources
    };
    let mut group = criterion.benchmark_group("check");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(20));
    group.bench_function("1,000 apps in 3 environments", |bencher| {
        bencher.iter(|| black_box(check()))
    });
    group.finish();
}

/// The commands that read Git, as they are run: on 1,000 apps in 3 environments with 5,000 commits.
fn history(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for the generated repository");
    generated::repository(folder.path(), 1000, 5000).expect("Git writes the generated repository");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gitops-lint"));
        let output = command
            .current_dir(folder.path())
            .args(arguments)
            .output()
            .expect("the program runs");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout.len()
    };
    let mut group = criterion.benchmark_group("history");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(20));
    group.bench_function("check --base, one app changed", |bencher| {
        bencher.iter(|| black_box(run(&["check", "--base", "main"])))
    });
    group.bench_function("status of all apps", |bencher| {
        bencher.iter(|| black_box(run(&["status"])))
    });
    group.finish();
}

criterion_group!(benches, rendering, whole_check, history);
criterion_main!(benches);
