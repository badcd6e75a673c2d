//! Images and pixels from files to a dataset.

use serde_json::{Value, json};

use crate::data::fit::Fitted;
use crate::data::fixture::{Folder, fit_table, idx, most_train, png};
use crate::data::raw::{RawRows, read};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::label::{UnseenClass, unseen_number};
use crate::domain::signature::Encoding;
use crate::domain::task::FittedTarget;

/// Six rows of 2 x 2 pixels: bytes 0 to 23; digits; masks.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.file("images-ubyte", idx(&[6, 2, 2], &(0..24).collect::<Vec<u8>>()));
    folder.file("digits", idx(&[6], &[0, 1, 0, 1, 0, 1]));
    folder
}

fn words() -> Value {
    json!({"source": {"idx": {"images": "images-ubyte", "labels": {"digit": "digits", "mask": "masks"}}}})
}

fn fit(folder: &Folder, config: Value, image: Value, tasks: Value) -> Result<Fitted, crate::data::DataError> {
    let loaded = folder.load(config)?;
    let rows = most_train(&loaded);
    fit_table(loaded, rows, json!({"image": {"image": image}}), tasks)
}

fn problems(folder: &Folder, config: Value, image: Value, tasks: Value) -> Vec<String> {
    folder.problems(fit(folder, config, image, tasks))
}

#[test]
fn pictures_are_kept_as_bytes_and_their_statistics_are_of_training_rows() {
    let folder = folder();
    folder.file("masks", idx(&[6, 2, 2], &[0; 24]));
    let augment = json!(["flip", {"shift": 1}]);
    let fitted =
        fit(&folder, words(), json!({"augment": augment}), json!({"digit": [["digit"], "multiclass"]}));
    let dataset = fitted.unwrap().dataset;
    let Encoding::Image { channels, height, width, mean, deviation, augment, .. } =
        &dataset.signature.inputs[0].encoding
    else {
        panic!("an image")
    };
    assert_eq!((*channels, *height, *width, augment.len()), (1, 2, 2, 2));
    // In Python: `x = numpy.arange(16) / 255; x.mean(), x.std()`.
    assert!((mean[0] - 0.029411765).abs() < 1e-8 && (deviation[0] - 0.018077537).abs() < 1e-8);
    let table = &dataset.tables[0];
    assert_eq!(table.inputs[0].1, Array::new(&[6, 1, 2, 2], ArrayValues::U8((0..24).collect())));
    assert_eq!(table.sample[0].1, Array::new(&[1, 1, 2, 2], ArrayValues::U8(vec![20, 21, 22, 23])));
    // Raw rows of the same kind of file, whatever the input is called.
    let raw = read(&RawRows::from_file(&folder.path().join("images-ubyte")), &dataset.signature).unwrap();
    assert_eq!(raw.batch(1..2)[0].1, Array::new(&[1, 1, 2, 2], ArrayValues::U8(vec![4, 5, 6, 7])));
    // A table that names files beside it; they are brought to the size of training.
    folder.file("x.png", png(3, 4, 4, &[7; 48]));
    let table = folder.file("rows.csv", "image\nx.png\n");
    let raw = read(&RawRows::from_file(&table), &dataset.signature).unwrap();
    assert_eq!(raw.batch(0..1)[0].1, Array::new(&[1, 1, 2, 2], ArrayValues::U8(vec![7; 4])));
    let table = folder.file("rows.csv", "image\nx.png\ny.png\n");
    let result = folder.problems(read(&RawRows::from_file(&table), &dataset.signature));
    assert!(
        result[0].starts_with("picture at inputs.image: the picture in `rows.csv`, line 3 cannot"),
        "{result:?}"
    );
}

/// Pictures of two classes, two sizes, and of gray and colour.
fn mixed() -> (Folder, Value) {
    let folder = Folder::new();
    for class in ["a", "b"] {
        std::fs::create_dir_all(folder.path().join("photos").join(class)).unwrap();
        folder.file(&format!("photos/{class}/1.png"), png(1, 2, 2, &[10; 4]));
        folder.file(&format!("photos/{class}/2.png"), png(1, 4, 4, &[20; 16]));
        folder.file(&format!("photos/{class}/3.png"), png(3, 2, 2, &[30; 12]));
    }
    folder.file("photos/b/4.png", png(1, 2, 2, &[40; 4]));
    (folder, json!({"source": {"images": "photos"}}))
}

#[test]
fn pictures_of_another_size_or_colour_are_refused_or_changed() {
    let (folder, config) = mixed();
    let task = json!({"label": [["label"], "multiclass"]});
    let refused = |image| problems(&folder, config.clone(), image, task.clone());
    let help = "give `height` and `width`, and `channels`, and all pictures are brought to them";
    assert_eq!(
        refused(json!({})),
        [format!(
            "picture-size at inputs.image: column `image`: 4 x 4 in gray in `photos/a/2.png`, but 2 x 2 in gray in \
             `photos/a/1.png` | {help}"
        )]
    );
    assert_eq!(
        refused(json!({"height": 2, "width": 2})),
        [format!(
            "picture-size at inputs.image: column `image`: 2 x 2 in colour in `photos/a/3.png`, but 2 x 2 in gray in \
             `photos/a/1.png` | {help}"
        )]
    );
    let message =
        json!({"height": 2, "width": 1, "channels": 3, "mean": [0.5], "deviation": [0.1, 0.2, 0.3]});
    let dataset = fit(&folder, config.clone(), message, task.clone()).unwrap().dataset;
    assert_eq!(dataset.tables[0].inputs[0].1.shape, [7, 3, 2, 1]);
    let ArrayValues::U8(pixels) = &dataset.tables[0].inputs[0].1.values else { panic!("bytes") };
    assert_eq!(pixels.iter().step_by(6).copied().collect::<Vec<u8>>(), [10, 20, 30, 10, 20, 30, 40]);
    let Encoding::Image { mean, deviation, .. } = &dataset.signature.inputs[0].encoding else {
        panic!("an image")
    };
    assert_eq!((mean.as_slice(), deviation.as_slice()), (&[0.5; 3][..], &[0.1, 0.2, 0.3][..]));
    let result = refused(json!({"height": 2, "width": 2, "channels": 1, "mean": [0.1, 0.2]}));
    assert_eq!(result, ["picture-statistics at inputs.image: mean has 2 numbers for 1 channel(s)"]);
    let result = problems(&folder, json!({"source": {"images": "photos"}}), json!({}), json!({}));
    assert_eq!(result.len(), 1, "{result:?}");
}

#[test]
fn a_column_of_texts_is_no_picture() {
    let (folder, config) = mixed();
    let loaded = folder.load(config).unwrap();
    let rows = most_train(&loaded);
    let result = folder.problems(fit_table(loaded, rows, json!({"file": "image"}), json!({})));
    assert!(result[0].starts_with("picture-pixels at inputs.file: column `file`"), "{result:?}");
}

#[test]
fn each_value_of_a_mask_is_a_class() {
    let folder = folder();
    let mut masks = [0u8; 24];
    masks[..5].copy_from_slice(&[0, 3, 3, 255, 3]);
    masks[23] = 9;
    folder.file("masks", idx(&[6, 2, 2], &masks));
    let fitted = fit(&folder, words(), json!({}), json!({"part": [["mask"], "segmentation"]})).unwrap();
    let FittedTarget::Segmentation { classes, counts, height, width } =
        &fitted.dataset.signature.tasks[0].target
    else {
        panic!("a segmentation")
    };
    assert_eq!((classes.join(" "), counts.as_slice()), ("0 3 255".to_owned(), &[12, 3, 1][..]));
    assert_eq!((*height, *width), (2, 2));
    let truth = &fitted.dataset.tables[0].targets[0].1;
    assert_eq!(truth.shape, [6, 2, 2]);
    let truth = truth.as_f32().unwrap();
    assert_eq!(truth[..6], [0.0, 1.0, 1.0, 2.0, 1.0, 0.0]);
    assert_eq!(unseen_number(truth[23]), Some(0));
    let unseen = UnseenClass { name: "9".into(), before: 2 };
    assert_eq!(fitted.dataset.tables[0].unseen[0].1, [unseen]);
    let note = "task `part`: 1 of 4 classes on no pixel of the training rows (`9`), but on 1 pixels of valid and test;";
    assert!(fitted.notes.iter().any(|result| result.text.starts_with(note)), "{:?}", fitted.notes);
    folder.file("masks", idx(&[6, 2, 2], &[4; 24]));
    let result = problems(&folder, words(), json!({}), json!({"part": [["mask"], "segmentation"]}));
    assert!(result[0].starts_with("one-class at tasks.part.target: target `mask`"), "{result:?}");
    let result = problems(&folder, words(), json!({}), json!({"part": [["digit"], "segmentation"]}));
    assert!(
        result[0].contains("`digit` holds whole numbers, which cannot be used as a picture of labels"),
        "{result:?}"
    );
}

#[test]
fn classes_of_pixels_have_names_and_some_pixels_no_label() {
    let folder = folder();
    let mut masks = [0u8; 24];
    masks[..5].copy_from_slice(&[0, 1, 1, 255, 1]);
    masks[20..].fill(255);
    folder.file("masks", idx(&[6, 2, 2], &masks));
    let kind = |config: Value| json!({"part": [["mask"], {"segmentation": config}]});
    let message = kind(json!({"classes": ["background", "digit"], "ignore": 255}));
    let fitted = fit(&folder, words(), json!({}), message).unwrap();
    let FittedTarget::Segmentation { classes, counts, .. } = &fitted.dataset.signature.tasks[0].target else {
        panic!("a segmentation")
    };
    assert_eq!((classes.join(" "), counts.as_slice()), ("background digit".to_owned(), &[12, 3][..]));
    let truth = fitted.dataset.tables[0].targets[0].1.as_f32().unwrap();
    assert!(
        truth[3].is_nan() && truth[..3] == [0.0, 1.0, 1.0] && truth[20..].iter().all(|cell| cell.is_nan())
    );
    let missing: usize = fitted.missing.iter().map(|missing| missing.missing).sum();
    assert_eq!(missing, 1, "a row of nothing but ignored pixels has no label");
    let text = |message: Value| problems(&folder, words(), json!({}), kind(message)).remove(0);
    let beyond = text(json!({"classes": ["background", "digit"]}));
    assert_eq!(
        beyond,
        "picture-classes at tasks.part.target: column `mask`: a pixel of 255 in `masks`, row 1, but `classes` names \
         the values 0 to 1 (and 1 more) | name every value, or write `ignore` for pixels without a label"
    );
    let more = kind(json!({"classes": ["background", "digit", "edge"], "ignore": 255}));
    let fitted = fit(&folder, words(), json!({}), more).unwrap();
    let note = "1 of 3 classes on no pixel of the training rows (`edge`)";
    assert!(fitted.notes.iter().any(|result| result.text.contains(note)), "{:?}", fitted.notes);
    let ignored = text(json!({"classes": ["background", "digit"], "ignore": 1}));
    assert!(ignored.ends_with("`ignore` is 1, the value of the class `digit`"), "{ignored}");
    assert!(text(json!({"classes": ["a", "a"]})).ends_with("`classes` has `a` twice"));
    assert!(text(json!({"classes": ["a"]})).ends_with("`classes` names 1 classes; 2 to 256 are possible"));
}

#[test]
fn masks_follow_their_image_and_numbers_are_standardized() {
    let folder = folder();
    let masks: Vec<u8> = (0..24).map(|at| (at % 4) * 10).collect();
    folder.file("masks", idx(&[6, 2, 2], &masks));
    let fitted = fit(
        &folder,
        words(),
        json!({"height": 4, "width": 2}),
        json!({"depth": [["mask"], "pixel_regression"], "part": [["mask"], "segmentation"]}),
    );
    let dataset = fitted.unwrap().dataset;
    let task = |name: &str| dataset.signature.tasks.iter().find(|task| task.name.as_str() == name).unwrap();
    let FittedTarget::PixelRegression { height, width, center, scale } = task("depth").target else {
        panic!("a pixel regression")
    };
    // In Python: `numpy.array([0, 10, 20, 30]).mean(), .std()`.
    assert_eq!((height, width, center), (4, 2, 15.0));
    assert!((scale - 11.18034).abs() < 1e-5);
    let depth = dataset.tables[0].target(&task("depth").name).unwrap();
    assert_eq!(depth.as_f32().unwrap()[..8], [0.0, 10.0, 0.0, 10.0, 20.0, 30.0, 20.0, 30.0]);
    let part = dataset.tables[0].target(&task("part").name).unwrap();
    assert_eq!(part.as_f32().unwrap()[..8], [0.0, 1.0, 0.0, 1.0, 2.0, 3.0, 2.0, 3.0]);
}

/// Six pictures of one pixel: those of 16 bits are PNG files as Pillow writes them.
fn deep(name: &str) -> Folder {
    let folder = Folder::new();
    for class in ["a", "b"] {
        std::fs::create_dir_all(folder.path().join("photos").join(class)).unwrap();
    }
    let made = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/data/pictures/");
    let bytes = std::fs::read(format!("{made}{name}")).unwrap();
    for file in ["a/1.png", "a/2.png", "a/3.png", "b/1.png", "b/2.png"] {
        folder.file(&format!("photos/{file}"), &bytes);
    }
    folder
}

#[test]
fn what_is_done_with_16_bits_and_transparency_is_told_and_kept() {
    let config = json!({"source": {"images": "photos"}});
    let task = json!({});
    let look = |fitted: &Fitted| match fitted.dataset.signature.inputs[0].encoding {
        Encoding::Image { background, range, .. } => (background, range),
        _ => panic!("an image"),
    };
    let folder = deep("gray-16.png");
    let fitted = fit(&folder, config.clone(), json!({}), task.clone()).unwrap();
    assert_eq!(look(&fitted), (255, [1000, 9148]));
    let message = "input `image`: 5 pictures have 16 bits; the values 1000 to 9148 that training rows have become 0 to 255, about \
                32 neighbouring ones become one; `range: [low, high]` names others";
    assert!(fitted.notes.iter().any(|note| note.text == message), "{:?}", fitted.notes);
    // A row of a model is read as its training was.
    let table = folder.file("rows.csv", "image\nphotos/a/1.png\n");
    let raw = read(&RawRows::from_file(&table), &fitted.dataset.signature).unwrap();
    assert_eq!(raw.batch(0..1)[0].1, fitted.dataset.tables[0].sample[0].1);
    let fitted = fit(&folder, config.clone(), json!({"range": [0, 9999]}), task.clone()).unwrap();
    assert_eq!(look(&fitted), (255, [0, 9999]));
    assert!(fitted.notes.iter().all(|note| !note.text.starts_with("input")), "{:?}", fitted.notes);
    let result = problems(&folder, config.clone(), json!({"range": [9, 9]}), task.clone());
    assert_eq!(
        result,
        ["picture-range at inputs.image: `range` goes from 9 to 9; the second number is the greater one"]
    );
    folder.file("photos/b/2.png", png(1, 3, 5, &[7; 15]));
    let fitted = fit(&folder, config.clone(), json!({}), task.clone()).unwrap();
    assert_eq!(look(&fitted), (255, [0, 65535]));
    assert!(fitted.notes[0].text.starts_with("input `image`: 4 of 5 pictures have 16 bits and the others 8"));
    let folder = deep("colour-alpha-8.png");
    let fitted = fit(&folder, config.clone(), json!({}), task.clone()).unwrap();
    assert_eq!(
        fitted.notes[0].text,
        "input `image`: 5 of 5 pictures are transparent in places; they lie on white, as `background: white` says"
    );
    let fitted = fit(&folder, config.clone(), json!({"background": "gray"}), task.clone()).unwrap();
    assert_eq!(look(&fitted).0, 128);
    assert!(fitted.notes.iter().all(|note| !note.text.starts_with("input")), "{:?}", fitted.notes);
    let ArrayValues::U8(pixels) = &fitted.dataset.tables[0].inputs[0].1.values else { panic!("bytes") };
    assert_eq!(pixels[0], 128);
}
