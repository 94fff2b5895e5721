//! Benchmarks: a whole check of a generated repo, and the shapes of kustomizations that grow out of hand.
//!
//! `cargo bench` runs all; `cargo bench -- rendering` the small ones.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use gitops_lint::kustomize::{RenderOptions, Renderer};
use gitops_lint::source::memory::Memory;
use gitops_lint::source::{Files, Source};

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
        ("chain of 200", generated::chain(200), "level-0200"),
        ("diamond of 500", generated::diamond(500), "top"),
        ("base of 5,000 resources", generated::crowd(5000), "top"),
    ];
    for (name, tree, folder) in cases {
        let source = source(&tree);
        group.bench_function(name, |bencher| bencher.iter(|| black_box(render(&source, folder))));
    }
    group.finish();
}
