//! Folders and tables of images, valid and invalid.

use serde_json::{Value, json};

use crate::data::cells::Cells;
use crate::data::fixture::{Folder, jpeg, png, table};
use crate::data::image_file::{DecodedImage, PixelConversion, header};
use crate::data::load::source_files;

/// Two classes of three grayscale images of 2 x 2 pixels.
fn classes() -> Folder {
    let folder = Folder::new();
    for (class, level) in [("cat", 10), ("dog", 200)] {
        std::fs::create_dir_all(folder.path().join("photos").join(class)).unwrap();
        for number in 0..3u8 {
            folder.file(&format!("photos/{class}/{number}.png"), png(1, 2, 2, &[level + number; 4]));
        }
    }
    folder.file("photos/readme.txt", "no picture");
    folder
}

fn by_class() -> Value {
    json!({"source": {"images": "photos"}})
}

fn first_pixels(frame: &crate::data::frame::Frame, column: &str) -> Vec<u8> {
    let Cells::Binary(cells) = frame.cells(column).unwrap() else { panic!("bytes") };
    cells
        .iter()
        .map(|cell| DecodedImage::decode(cell.unwrap(), &PixelConversion::default()).unwrap().planes()[0])
        .collect()
}

fn texts(frame: &crate::data::frame::Frame, column: &str) -> Vec<String> {
    frame.cells(column).unwrap().texts().unwrap().into_iter().map(|text| text.into_owned()).collect()
}

#[test]
fn subfolders_are_classes() {
    let folder = classes();
    let frame = folder.load(by_class()).unwrap().frame;
    assert_eq!(texts(&frame, "label"), ["cat", "cat", "cat", "dog", "dog", "dog"]);
    assert_eq!(texts(&frame, "file")[3], "dog/0.png");
    assert_eq!(first_pixels(&frame, "image"), [10, 11, 12, 200, 201, 202]);
    assert!(frame.location(4).to_string().ends_with("photos/dog/1.png`"), "{}", frame.location(4));
    let config = table(by_class());
    let read = source_files(&config, folder.path()).unwrap();
    assert_eq!((read.files.len(), read.names[5].as_str()), (6, "dog/2.png"));
}

/// A table of labels with PNG and JPEG images and with masks.
fn labelled() -> (Folder, Value) {
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("photos")).unwrap();
    folder.file("photos/a.png", png(3, 1, 2, &[9, 9, 9, 9, 9, 9]));
    folder.file("photos/b.jpg", jpeg(8, 8, &[100; 64]));
    folder.file("photos/c.png", png(1, 1, 2, &[30, 30]));
    folder.file("photos/m.png", png(1, 1, 2, &[1, 0]));
    folder.file("labels.csv", "name,age,mask\na.png,1,m.png\nb.jpg,2,m.png\n\nc.png,3,m.png\n");
    let images = json!({"path": "photos", "labels": "labels.csv", "column": "name", "mask": "mask"});
    (folder, json!({"source": {"images": images}}))
}

#[test]
fn a_table_of_labels_names_its_images() {
    let (folder, config) = labelled();
    let frame = folder.load(config.clone()).unwrap().frame;
    assert_eq!(frame.columns(), ["name", "age", "mask", "image"]);
    assert_eq!(first_pixels(&frame, "image"), [9, 100, 30]);
    assert_eq!(first_pixels(&frame, "mask"), [1, 1, 1]);
    let Cells::Binary(cells) = frame.cells("image").unwrap() else { panic!("bytes") };
    let sizes: Vec<String> =
        cells.iter().map(|cell| header(cell.unwrap()).unwrap().size.to_string()).collect();
    assert_eq!(sizes, ["1 x 2 colour", "8 x 8 grayscale", "1 x 2 grayscale"]);
    assert!(frame.location(2).to_string().ends_with("labels.csv`, line 5"), "{}", frame.location(2));
    let read = source_files(&table(config), folder.path()).unwrap();
    assert_eq!((read.files.len(), read.names.len()), (5, 0));
}

#[test]
fn corrupt_images_are_named_or_skipped() {
    let (folder, mut config) = labelled();
    let whole = std::fs::read(folder.path().join("photos/b.jpg")).unwrap();
    folder.file("photos/b.jpg", &whole[..whole.len() / 2]);
    folder.file("labels.csv", "name,age,mask\na.png,1,m.png\nb.jpg,2,m.png\nc.png,3,m.png\nd.png,4,m.png\n");
    let problem = "picture at source.images.path: `photos/b.jpg` cannot be used: it is truncated (and 1 more \
                   row) | write `corrupt: skip` in the source to skip such rows";
    assert_eq!(folder.problems(folder.load(config.clone())), [problem]);
    config["source"]["images"]["corrupt"] = json!("skip");
    let loaded = folder.load(config).unwrap();
    assert_eq!(first_pixels(&loaded.frame, "image"), [9, 30]);
    assert!(loaded.frame.location(1).to_string().ends_with("line 4"), "{}", loaded.frame.location(1));
    let note = loaded.notes[0].text.replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(
        note,
        "2 of 4 rows are skipped: `photos/b.jpg` cannot be used: it is truncated, `photos/d.png` cannot be \
         used: there is no such file"
    );
}

#[test]
fn rows_without_a_file_name_are_counted() {
    let (folder, config) = labelled();
    folder.file("labels.csv", "name,age,mask\na.png,1,m.png\n,2,m.png\nc.png,3,m.png\n,4,m.png\n");
    let problems = folder.problems(folder.load(config));
    let expected = "missing-value at source.images.path: column `name` has no value in 2 rows, first in \
                    `labels.csv`, line 3";
    assert!(problems[0].starts_with(expected), "{problems:?}");
}

#[test]
fn folders_without_images_and_splits_by_files_are_refused() {
    let folder = classes();
    let load = |config: Value| folder.problems(folder.load(config));
    assert_eq!(
        load(json!({"source": {"images": "photos/cat"}})),
        ["no-rows at source.images.path: `photos/cat` has no .png, .jpg or .jpeg file in a subfolder (the \
             subfolders are the classes)"]
    );
    let problems = load(json!({"source": {"images": "nowhere"}}));
    assert!(
        problems[0].starts_with("file-absent at source.images.path: there is no file `nowhere`"),
        "{problems:?}"
    );
    let problems = load(json!({"source": {"images": "photos"}, "split": {"files": "other"}}));
    assert!(problems[0].starts_with("split-files at split.files: `split: files` needs"), "{problems:?}");
}
