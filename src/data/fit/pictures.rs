//! Fitting of images and masks from files.

use serde_json::{Value, json};

use crate::data::fit::Fitted;
use crate::data::fixture::{Folder, fit_table, idx, most_train, png};
use crate::data::raw::{RawRows, read};
use crate::domain::array::{Array, ArrayValues};
use crate::domain::label::{UnseenClass, decode_unseen};
use crate::domain::signature::Encoding;
use crate::domain::task::FittedTarget;

/// Six rows of 2 x 2 pixels (bytes 0 to 23), and digits.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.file("images-ubyte", idx(&[6, 2, 2], &(0..24).collect::<Vec<u8>>()));
    folder.file("digits", idx(&[6], &[0, 1, 0, 1, 0, 1]));
    folder
}

fn idx_table() -> Value {
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
fn images_are_stored_as_bytes_with_statistics_of_training_rows() {
    let folder = folder();
    folder.file("masks", idx(&[6, 2, 2], &[0; 24]));
    let augment = json!(["flip", {"shift": 1}]);
    let fitted =
        fit(&folder, idx_table(), json!({"augment": augment}), json!({"digit": [["digit"], "multiclass"]}));
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
    // Raw rows from the same kind of file, whatever the name of the input.
    let raw = read(&RawRows::from_file(&folder.path().join("images-ubyte")), &dataset.signature).unwrap();
    assert_eq!(raw.batch(1..2)[0].1, Array::new(&[1, 1, 2, 2], ArrayValues::U8(vec![4, 5, 6, 7])));
    // A table with image paths; images are resized to the size of training.
    folder.file("x.png", png(3, 4, 4, &[7; 48]));
    let table = folder.file("rows.csv", "image\nx.png\n");
    let raw = read(&RawRows::from_file(&table), &dataset.signature).unwrap();
    assert_eq!(raw.batch(0..1)[0].1, Array::new(&[1, 1, 2, 2], ArrayValues::U8(vec![7; 4])));
    let table = folder.file("rows.csv", "image\nx.png\ny.png\n");
    let actual = folder.problems(read(&RawRows::from_file(&table), &dataset.signature));
    assert!(
        actual[0].starts_with("picture at inputs.image: the image in `rows.csv`, line 3 cannot"),
        "{actual:?}"
    );
}

/// Images of two classes and two sizes, grayscale and colour.
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
fn images_of_different_sizes_or_channels_are_refused_or_converted() {
    let (folder, config) = mixed();
    let task = json!({"label": [["label"], "multiclass"]});
    let refused = |image| problems(&folder, config.clone(), image, task.clone());
    let sizes = |found: &str| {
        format!(
            "picture-size at inputs.image: column `image`: images differ in size or channels: 2 x 2 \
             grayscale in `photos/a/1.png`, but {found} | set `height`, `width` and `channels`, and all \
             images are converted to them"
        )
    };
    assert_eq!(refused(json!({})), [sizes("4 x 4 grayscale in `photos/a/2.png`")]);
    let square = json!({"height": 2, "width": 2});
    assert_eq!(refused(square), [sizes("2 x 2 colour in `photos/a/3.png`")]);
    let image = json!({"height": 2, "width": 1, "channels": 3, "mean": [0.5], "deviation": [0.1, 0.2, 0.3]});
    let dataset = fit(&folder, config.clone(), image, task.clone()).unwrap().dataset;
    assert_eq!(dataset.tables[0].inputs[0].1.shape, [7, 3, 2, 1]);
    let ArrayValues::U8(pixels) = &dataset.tables[0].inputs[0].1.values else { panic!("bytes") };
    assert_eq!(pixels.iter().step_by(6).copied().collect::<Vec<u8>>(), [10, 20, 30, 10, 20, 30, 40]);
    let Encoding::Image { mean, deviation, .. } = &dataset.signature.inputs[0].encoding else {
        panic!("an image")
    };
    assert_eq!((mean.as_slice(), deviation.as_slice()), (&[0.5; 3][..], &[0.1, 0.2, 0.3][..]));
    let actual = refused(json!({"height": 2, "width": 2, "channels": 1, "mean": [0.1, 0.2]}));
    assert_eq!(
        actual,
        ["picture-statistics at inputs.image: `mean` has 2 numbers for 1 channel(s) | write one number, \
             or one per channel"]
    );
    let actual = refused(json!({"height": 4, "width": 2, "channels": 1, "resize": 3}));
    assert_eq!(
        actual,
        [
            "picture-crop at inputs.image: input `image`: a crop of 4 pixels does not fit in 3, as `resize: 3` \
             says | write a `resize` of at least `height` and `width`, or `resize: stretch`"
        ]
    );
    let actual = problems(&folder, json!({"source": {"images": "photos"}}), json!({}), json!({}));
    assert_eq!(actual.len(), 1, "{actual:?}");
}

#[test]
fn a_column_of_texts_is_not_an_image() {
    let (folder, config) = mixed();
    let loaded = folder.load(config).unwrap();
    let rows = most_train(&loaded);
    let actual = folder.problems(fit_table(loaded, rows, json!({"file": "image"}), json!({})));
    assert!(actual[0].starts_with("picture-pixels at inputs.file: column `file`"), "{actual:?}");
}

#[test]
fn each_value_of_a_mask_is_a_class() {
    let folder = folder();
    let mut masks = [0u8; 24];
    masks[..5].copy_from_slice(&[0, 3, 3, 255, 3]);
    masks[23] = 9;
    folder.file("masks", idx(&[6, 2, 2], &masks));
    let fitted = fit(&folder, idx_table(), json!({}), json!({"part": [["mask"], "segmentation"]})).unwrap();
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
    assert_eq!(decode_unseen(truth[23]), Some(0));
    let unseen = UnseenClass { name: "9".into(), before: 2 };
    assert_eq!(fitted.dataset.tables[0].unseen[0].1, [unseen]);
    let note =
        "task `part`: 1 of 4 classes occur on no training pixel (`9`), but on 1 validation and test pixels;";
    assert!(fitted.notes.iter().any(|shown| shown.text.starts_with(note)), "{:?}", fitted.notes);
    folder.file("masks", idx(&[6, 2, 2], &[4; 24]));
    let actual = problems(&folder, idx_table(), json!({}), json!({"part": [["mask"], "segmentation"]}));
    assert!(actual[0].starts_with("one-class at tasks.part.target: target `mask`"), "{actual:?}");
    let actual = problems(&folder, idx_table(), json!({}), json!({"part": [["digit"], "segmentation"]}));
    assert!(actual[0].contains("`digit` holds whole numbers, which cannot be used as a mask"), "{actual:?}");
}

#[test]
fn pixel_classes_may_have_names_and_pixels_may_be_ignored() {
    let folder = folder();
    let mut masks = [0u8; 24];
    masks[..5].copy_from_slice(&[0, 1, 1, 255, 1]);
    masks[20..].fill(255);
    folder.file("masks", idx(&[6, 2, 2], &masks));
    let kind = |config: Value| json!({"part": [["mask"], {"segmentation": config}]});
    let task = kind(json!({"classes": ["background", "digit"], "ignore": 255}));
    let fitted = fit(&folder, idx_table(), json!({}), task).unwrap();
    let FittedTarget::Segmentation { classes, counts, .. } = &fitted.dataset.signature.tasks[0].target else {
        panic!("a segmentation")
    };
    assert_eq!((classes.join(" "), counts.as_slice()), ("background digit".to_owned(), &[12, 3][..]));
    let truth = fitted.dataset.tables[0].targets[0].1.as_f32().unwrap();
    assert!(
        truth[3].is_nan() && truth[..3] == [0.0, 1.0, 1.0] && truth[20..].iter().all(|cell| cell.is_nan())
    );
    let missing: usize = fitted.missing.iter().map(|missing| missing.missing).sum();
    assert_eq!(missing, 1, "a row with only ignored pixels has no label");
    let text = |config: Value| problems(&folder, idx_table(), json!({}), kind(config)).remove(0);
    let beyond = text(json!({"classes": ["background", "digit"]}));
    assert_eq!(
        beyond,
        "picture-classes at tasks.part.target: column `mask`: pixel value 255 in `masks`, row 1 has no \
         class; `classes` lists 0 to 1 (and 1 more row) | list every value, or set `ignore` for pixels \
         without a label"
    );
    let more = kind(json!({"classes": ["background", "digit", "edge"], "ignore": 255}));
    let fitted = fit(&folder, idx_table(), json!({}), more).unwrap();
    let note = "1 of 3 classes occur on no training pixel (`edge`)";
    assert!(fitted.notes.iter().any(|shown| shown.text.contains(note)), "{:?}", fitted.notes);
    let ignored = text(json!({"classes": ["background", "digit"], "ignore": 1}));
    assert!(ignored.ends_with("`ignore: 1` is the value of the class `digit`"), "{ignored}");
    assert!(text(json!({"classes": ["a", "a"]})).ends_with("`classes` lists `a` twice"));
    assert!(text(json!({"classes": ["a"]})).ends_with("`classes` must list 2 to 256 classes, not 1"));
}

#[test]
fn masks_are_resized_like_their_image_and_numbers_are_standardized() {
    let folder = folder();
    let masks: Vec<u8> = (0..24).map(|at| (at % 4) * 10).collect();
    folder.file("masks", idx(&[6, 2, 2], &masks));
    let fitted = fit(
        &folder,
        idx_table(),
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

/// Five copies of an image written by Pillow.
fn copies(name: &str) -> Folder {
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
fn the_conversion_of_16_bits_and_transparency_is_reported_and_stored() {
    let config = json!({"source": {"images": "photos"}});
    let task = json!({});
    let conversion = |fitted: &Fitted| match fitted.dataset.signature.inputs[0].encoding {
        Encoding::Image { background, range, .. } => (background, range),
        _ => panic!("an image"),
    };
    let folder = copies("gray-16.png");
    let fitted = fit(&folder, config.clone(), json!({}), task.clone()).unwrap();
    assert_eq!(conversion(&fitted), (255, [1000, 9148]));
    let message = "input `image`: 5 images have 16 bits; the range of training rows, 1000..9148, is scaled \
                   to 0..255, about 32 neighbouring values become one; `range: [low, high]` sets another \
                   range";
    assert!(fitted.notes.iter().any(|note| note.text == message), "{:?}", fitted.notes);
    // Rows for prediction are read like training rows.
    let table = folder.file("rows.csv", "image\nphotos/a/1.png\n");
    let raw = read(&RawRows::from_file(&table), &fitted.dataset.signature).unwrap();
    assert_eq!(raw.batch(0..1)[0].1, fitted.dataset.tables[0].sample[0].1);
    let fitted = fit(&folder, config.clone(), json!({"range": [0, 9999]}), task.clone()).unwrap();
    assert_eq!(conversion(&fitted), (255, [0, 9999]));
    assert!(fitted.notes.iter().all(|note| !note.text.starts_with("input")), "{:?}", fitted.notes);
    let actual = problems(&folder, config.clone(), json!({"range": [9, 9]}), task.clone());
    assert_eq!(
        actual,
        ["picture-range at inputs.image: `range: [9, 9]` must have a second number greater than the first"]
    );
    folder.file("photos/b/2.png", png(1, 3, 5, &[7; 15]));
    let fitted = fit(&folder, config.clone(), json!({}), task.clone()).unwrap();
    assert_eq!(conversion(&fitted), (255, [0, 65535]));
    assert!(fitted.notes[0].text.starts_with("input `image`: 4 of 5 images have 16 bits, the others 8"));
    let folder = copies("colour-alpha-8.png");
    let fitted = fit(&folder, config.clone(), json!({}), task.clone()).unwrap();
    assert_eq!(
        fitted.notes[0].text,
        "input `image`: 5 of 5 images have transparent pixels; they are drawn on white (`background: white`)"
    );
    let fitted = fit(&folder, config.clone(), json!({"background": "gray"}), task.clone()).unwrap();
    assert_eq!(conversion(&fitted).0, 128);
    assert!(fitted.notes.iter().all(|note| !note.text.starts_with("input")), "{:?}", fitted.notes);
    let ArrayValues::U8(pixels) = &fitted.dataset.tables[0].inputs[0].1.values else { panic!("bytes") };
    assert_eq!(pixels[0], 128);
}
