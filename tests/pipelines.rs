//! Every pipeline in `pipelines/` can be read, resolved and written back with the same meaning.

use mtl::{plan, spec};

use crate::support::{self, project};

fn shipped() -> Vec<std::path::PathBuf> {
    support::files(&support::root().join("pipelines"), "yaml")
}

#[test]
fn every_pipeline_resolves_without_diagnostics() {
    assert!(!shipped().is_empty());
    for path in shipped() {
        let source = spec::PipelineText::new(&std::fs::read(&path).unwrap(), &path, &[]);
        let mut diagnostics = crate::diagnostics::found(&source);
        // Pretrained models are there after `pipelines/data/fetch models`.
        let of_models = ["pretrained-folder", "preprocess-folder", "tokenizer-folder"];
        diagnostics.retain(|diagnostic| !of_models.contains(&diagnostic.code));
        assert!(diagnostics.is_empty(), "{}", spec::render::render(&diagnostics, &source, false));
    }
}

#[test]
fn resolved_pipelines_round_trip() {
    let texts = shipped().into_iter().map(|path| std::fs::read_to_string(path).unwrap());
    // The folder of a pretrained model is not there without `pipelines/data/fetch models`.
    let texts = texts.map(|text| text.replace("data/models/all-MiniLM-L6-v2", "tests/pretrained/bert"));
    let texts = texts
        .map(|text| text.replace("data/models/efficientnet-lite0", "tests/pretrained/efficientnet_lite0"));
    let shorter = |text: String, length: &str| text.replace(&format!("length: {length}}}"), "length: 12}");
    let texts = texts.map(|text| ["40", "64", "96"].into_iter().fold(text, shorter));
    let texts = texts.map(|text| text.replace("freeze: 3}", "freeze: 1}"));
    for text in texts.chain([project::PIPELINE.to_owned()]) {
        let (pipeline, _) = spec::read(&text, "a.yaml".as_ref(), &[]).unwrap();
        let (plan, _) = plan::resolve(&pipeline, "a").unwrap();
        let written = spec::write(&plan.pipeline);
        let (again, _) = spec::read(&written, "b.yaml".as_ref(), &[])
            .unwrap_or_else(|actual| panic!("{actual:?}\n{written}"));
        assert_eq!(again, plan.pipeline, "{written}");
        let (twice, _) = plan::resolve(&again, "b").unwrap();
        assert_eq!(twice.pipeline, plan.pipeline, "resolving is idempotent");
    }
}
