//! Benchmarks: a whole check of a generated repo, and the shapes of kustomizations that grow out of hand.
//!
//! `cargo bench` runs all; `cargo bench -- rendering` the small ones.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use gitops_lint::check::{self, Ran, Selection};
use gitops_lint::config::Config;
use gitops_lint::kustomize::{RenderOptions, Renderer};
use gitops_lint::repo::Repo;
use gitops_lint::rules::{self, Context};
use gitops_lint::source::memory::Memory;
use gitops_lint::source::{Files, Source};
use jiff::civil::Date;

mod generated;

use generated::Tree;

fn source(tree: &Tree) -> Arc<dyn Source> {
    Arc::new(Memory::new(tree.iter().map(|(path, text)| (path.as_str(), text.as_str()))))
}

fn render(source: &Arc<dyn Source>, folder: &str) -> usize {
    let renderer = Renderer::new(source.clone(), Arc::new(Files::default()), RenderOptions::default());
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
        group.bench_function(name, |bencher| bencher.iter(|| black_box(render(&source, folder))));
    }
    group.finish();
}

fn whole_check(criterion: &mut Criterion) {
    let tree = generated::shop(1000);
    let source = source(&tree);
    let config = Config::default();
    let check = || {
        let repo = Repo::load(source.clone(), None, &config);
        let context = Context::new(&repo, &config, None);
        let findings = rules::run(&context);
        let options = check::Options {
            selection: Selection::default(),
            baseline: None,
            today: Date::constant(2027, 1, 1),
            known: Default::default(),
        };
        let outcome = check::conclude(&repo, &config, &options, findings, Ran { rules: rules::all().len(), policies: 0 });
        assert_eq!((outcome.overlays.len(), outcome.counts.errors), (3000, 0));
        outcome.counts.resources
    };
    let mut group = criterion.benchmark_group("check");
    group.sample_size(10).measurement_time(Duration::from_secs(20));
    group.bench_function("1,000 apps in 3 environments", |bencher| bencher.iter(|| black_box(check())));
    group.finish();
}

criterion_group!(benches, rendering, whole_check);
criterion_main!(benches);
