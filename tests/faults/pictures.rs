//! Images as written by cameras, scanners and drawing programs.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, Luma};

use crate::support::Project;

const PIPELINE: &str = "\
name: pictures
seed: 1
data:
  rows:
    source: {images: {path: pics, labels: labels.csv}}
    split: {column: {by: part}}
inputs:
  image: image
trunk:
  - conv2d: {filters: 4, kernel: 3, activation: relu}
  - flatten
tasks:
  class: {target: class, kind: multiclass}
train: {epochs: 12, batch_size: 16, optimizer: {adamw: {rate: 1.0e-2}}, device: cpu}
";

fn written(picture: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, format).expect("a picture");
    file.into_inner()
}

/// A JPEG with an EXIF orientation, inserted after its first two bytes.
fn turned(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0".to_vec();
    exif[25] = orientation;
    let length = (exif.len() as u16 + 2).to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &exif, &jpeg[2..]].concat()
}

/// Sixty images: 40 for training, 10 for validation, 10 for testing.
fn project(ending: &str, picture: impl Fn(usize, bool) -> Vec<u8>) -> Project {
    let mut project = Project::new().file("pipeline.yaml", PIPELINE);
    let mut labels = String::from("file,class,part\n");
    for number in 0..60 {
        let (is_second, part) =
            (number % 2 == 1, ["train", "train", "train", "train", "valid", "test"][number / 10]);
        labels.push_str(&format!("{number}.{ending},{},{part}\n", if is_second { "b" } else { "a" }));
        project = project.file(&format!("pics/{number}.{ending}"), picture(number, is_second));
    }
    project.file("labels.csv", labels)
}

fn accuracy(project: &Project) -> String {
    let sql = "select round(value, 4) from scores where metric = 'accuracy' and split = 'test'";
    project.mtl(&["query", sql, "--format", "csv"]).expect(0).out()
}

/// A bright bar at the top or at the bottom; `flip` flips the stored image, not the displayed one.
fn bar(number: usize, is_low: bool, flip: bool) -> Vec<u8> {
    let picture = GrayImage::from_fn(16, 16, |_, y| {
        let y = if flip { 15 - y } else { y };
        let is_bright = if is_low { y >= 8 } else { y < 8 };
        Luma([if is_bright { 180 + (number % 40) as u8 } else { 30 }])
    });
    written(picture.into(), ImageFormat::Jpeg)
}

/// Fault 43: images that are displayed equally are equal, whether stored upside down or not.
#[test]
fn exif_orientations_are_applied() {
    let stored = |number: usize, is_low: bool| {
        let is_turned = number >= 40;
        let jpeg = bar(number, is_low, is_turned);
        if is_turned { turned(&jpeg, 3) } else { jpeg }
    };
    let project = project("jpg", stored);
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    assert_eq!(accuracy(&project).lines().last(), Some("1"), "{}", accuracy(&project));
    // The same pixels without the EXIF orientation are the other class.
    let project = project.file("rows.csv", "image\nplain.jpg\nturned.jpg\n");
    let plain = bar(3, true, true);
    let project = project.file("turned.jpg", turned(&plain, 3)).file("plain.jpg", plain);
    project.mtl(&["predict", "last", "rows.csv", "--to", "predictions.csv"]).expect(0);
    let answers = project.read("predictions.csv");
    let classes: Vec<bool> =
        answers.lines().skip(1).map(|line| line.split(',').any(|cell| cell == "b")).collect();
    assert_eq!(classes, [false, true], "{answers}");
}

/// An image stored as 8 x 16 pixels and displayed as 16 x 8 has the size of the latter.
#[test]
fn sizes_are_those_after_rotation() {
    let lying = |_: usize, is_low: bool| {
        let picture = GrayImage::from_fn(16, 8, |_, y| Luma([if (y >= 4) == is_low { 200 } else { 30 }]));
        written(picture.into(), ImageFormat::Jpeg)
    };
    let status = GrayImage::from_fn(8, 16, |x, _| Luma([if x < 4 { 200 } else { 30 }]));
    let status = written(status.into(), ImageFormat::Jpeg);
    let project = project("jpg", lying).file("pics/0.jpg", turned(&status, 6));
    project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(0);
    let project = project.file("pics/0.jpg", turned(&status, 3));
    let refused = project.mtl(&["run", "pipeline.yaml", "--quiet"]).expect(1).err();
    assert!(refused.contains("8 x 16 grayscale in") && refused.contains("16 x 8 grayscale in"), "{refused}");
}

/// Fault 45: 16-bit values that differ only in the lower eight bits are kept apart, with a note.
#[test]
fn sixteen_bits_keep_a_narrow_range_apart() {
    let deep = |number: usize, is_second: bool| {
        let base = 1000 + 100 * u16::from(is_second);
        let value = |x: u32, y: u32| base + ((x * 7 + y * 13 + number as u32 * 5) % 60) as u16;
        let picture = image::ImageBuffer::from_fn(8, 8, |x, y| Luma([value(x, y)]));
        written(DynamicImage::ImageLuma16(picture), ImageFormat::Png)
    };
    let project = project("png", deep);
    let ran = project.mtl(&["run", "pipeline.yaml"]).expect(0);
    let output = (ran.out() + &ran.err()).split_whitespace().collect::<Vec<_>>().join(" ");
    let note = "60 images have 16 bits; the range of training rows, 1000..1159, is scaled to 0..255, all \
                values stay distinct";
    assert!(output.contains(note), "{output}");
    assert_eq!(accuracy(&project).lines().last(), Some("1"), "{}", accuracy(&project));
}

/// Pixels under full transparency are ignored.
#[test]
fn transparent_pixels_are_ignored() {
    let hidden = |number: usize, is_second: bool| {
        // Only transparent pixels have the class; visible pixels have the row number.
        let colour = if is_second { [250, 0, 0] } else { [0, 0, 250] };
        let seen = (number / 2 % 20 * 10) as u8;
        let picture = image::RgbaImage::from_fn(8, 8, |x, _| {
            image::Rgba(if x < 6 { [colour[0], colour[1], colour[2], 0] } else { [seen, seen, seen, 255] })
        });
        written(picture.into(), ImageFormat::Png)
    };
    let project = project("png", hidden);
    let ran = project.mtl(&["run", "pipeline.yaml"]).expect(0);
    let output = (ran.out() + &ran.err()).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(output.contains("60 of 60 images have transparent pixels; they are drawn on white"), "{output}");
    assert_eq!(accuracy(&project).lines().last(), Some("0.5"), "{}", accuracy(&project));
}
