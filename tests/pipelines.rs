//! Every pipeline in `pipelines/` can be read and resolved, and what is written back means the same.

use mtl::{plan, spec};

use crate::support::{self, project};

fn shipped() -> Vec<std::path::PathBuf> {
    support::files(&support::root().join("pipelines"), "yaml")
}

#[test]
fn every_pipeline_resolves_without_a_word() {
    assert!(!shipped().is_empty());
    for path in shipped() {
        let source = spec::PipelineText::new(&std::fs::read(&path).unwrap(), &path, &[]);
        let output = crate::diagnostics::found(&source);
        assert!(output.is_empty(), "{}", spec::render::render(&output, &source, false));
    }
}

#[test]
fn what_is_resolved_can_be_written_and_read_again() {
    let texts = shipped().into_iter().map(|path| std::fs::read_to_string(path).unwrap());
    for text in texts.chain([project::PIPELINE.to_owned()]) {
        let (pipeline, _) = spec::read(&text, "a.yaml".as_ref(), &[]).unwrap();
        let (plan, _) = plan::resolve(&pipeline, "a").unwrap();
        let written = spec::write(&plan.pipeline);
        let (again, _) = spec::read(&written, "b.yaml".as_ref(), &[])
            .unwrap_or_else(|actual| panic!("{actual:?}\n{written}"));
        assert_eq!(again, plan.pipeline, "{written}");
        let (twice, _) = plan::resolve(&again, "b").unwrap();
        assert_eq!(twice.pipeline, plan.pipeline, "resolving a resolved pipeline changes nothing");
    }
}
