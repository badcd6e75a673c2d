//! Pixel labels end to end.

use serde_json::Value;

use super::last;
use crate::support::Project;

const PIPELINE: &str = "\
name: masks
seed: 1
data:
  rows: {source: {idx: {images: pictures-ubyte, labels: {mask: masks}}}, split: {random: {valid: 0.2, test: \
  0.2}}}
inputs: {image: image}
trunk:
  - conv2d: {filters: 4, activation: relu}
tasks:
  mask: {target: mask, kind: {segmentation: {classes: [dark, bright], ignore: 255}}, metrics: [mean_iou, \
  accuracy]}
train: {epochs: 12, batch_size: 8, device: cpu, optimizer: {adam: {rate: 0.02}}}
";

const ROWS: usize = 60;
const SIDE: usize = 6;

/// Images in an IDX file.
fn idx(pixels: &[u8]) -> Vec<u8> {
    let sizes = [ROWS, SIDE, SIDE].into_iter().flat_map(|size| (size as u32).to_be_bytes());
    [0, 0, 8, 3].into_iter().chain(sizes).chain(pixels.iter().copied()).collect()
}

/// Pixels are dark or bright and labelled so; those in the first line have no label.
fn project() -> Project {
    let bright = |at: usize| (at * 7919 / 13).is_multiple_of(3);
    let all = 0..ROWS * SIDE * SIDE;
    let pictures: Vec<u8> = all.clone().map(|at| if bright(at) { 220 } else { 15 }).collect();
    let unlabelled = |at: usize| at % (SIDE * SIDE) < SIDE;
    let masks: Vec<u8> = all.map(|at| if unlabelled(at) { 255 } else { u8::from(bright(at)) }).collect();
    Project::new()
        .file("pipeline.yaml", PIPELINE)
        .file("pictures-ubyte", idx(&pictures))
        .file("masks", idx(&masks))
}

#[test]
fn pixels_have_class_names_and_unlabelled_ones_are_ignored() {
    let project = project();
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let wanted = "select value from scores where split = 'test' and metric = 'mean_iou'";
    let scores = project.mtl(&["query", wanted, "--format", "json"]).expect(0).out();
    let scores: Vec<Value> = serde_json::from_str(&scores).expect("JSON");
    // As a class of its own, 255 would be a third of the average.
    assert!(scores[0]["value"].as_f64().is_some_and(|value| value > 0.9), "{scores:?}");
    let card: Value =
        serde_json::from_str(&project.read(&format!("runs/{}/trial-1/mtl.json", last(&project))))
            .expect("JSON");
    assert_eq!(card["signature"]["tasks"][0]["target"]["classes"], serde_json::json!(["dark", "bright"]));
    project.mtl(&["predict", "last", "pictures-ubyte", "--to", "said.jsonl"]).expect(0);
    let output = project.read("said.jsonl");
    assert_eq!(output.lines().count(), ROWS);
    assert!(output.contains("dark") && output.contains("bright") && !output.contains("255"), "{output}");
}

#[test]
fn a_pixel_value_without_a_class_is_reported() {
    let project = project().file("pipeline.yaml", PIPELINE.replace(", ignore: 255", ""));
    let output = project.mtl(&["run", "pipeline.yaml"]).expect(1).err();
    assert!(output.contains("column `mask`: pixel value 255 in `masks`"), "{output}");
    assert!(output.contains("has no class; `classes` lists 0 to 1 (and 59 more rows)"), "{output}");
    assert!(output.contains("set `ignore` for pixels without a label"), "{output}");
}
