//! All kinds of PNG and JPEG images.

use crate::data::fixture::{jpeg, png};
use crate::data::image_file::{DecodedImage, ImageSize, PixelConversion, extremes, header, pack, values};
use crate::domain::image_resize::{ResizeConfig, ResizeFilter};

fn read(cell: &[u8]) -> Result<DecodedImage, String> {
    DecodedImage::decode(cell, &PixelConversion::default())
}

fn gray(height: usize, width: usize) -> ImageSize {
    ImageSize { channels: 1, height, width }
}

#[test]
fn raw_pixels_and_png_are_the_same_image() {
    let pixels: Vec<u8> = (0..12).map(|at| at * 20).collect();
    let mut cell = Vec::new();
    pack(3, 4, &pixels, &mut cell);
    let file = png(1, 3, 4, &pixels);
    for cell in [&cell, &file] {
        assert_eq!(header(cell).unwrap().size, gray(3, 4));
        assert_eq!(read(cell).unwrap().planes(), pixels);
        assert_eq!(values(cell).unwrap().1, pixels.iter().map(|p| f32::from(*p)).collect::<Vec<_>>());
    }
    cell.pop();
    assert_eq!(read(&cell), Err("its number of pixels does not match its size".to_owned()));
}

#[test]
fn colours_become_planes_and_gray() {
    let picture = read(&png(3, 1, 2, &[255, 0, 0, 10, 20, 30])).unwrap();
    assert_eq!(picture.clone().planes(), [255, 10, 0, 20, 0, 30]);
    // round(0.299 * 255) and round(0.299 * 10 + 0.587 * 20 + 0.114 * 30)
    assert_eq!(picture.clone().with_channels(1).planes(), [76, 18]);
    assert_eq!(picture.with_channels(1).with_channels(3).planes(), [76, 18, 76, 18, 76, 18]);
}

#[test]
fn images_are_resized() {
    let picture = read(&png(1, 2, 2, &[0, 0, 200, 200])).unwrap();
    let whole = |picture: DecodedImage, height, width| {
        picture.resized(height, width, ResizeConfig::Stretch, ResizeFilter::Bilinear).planes()
    };
    assert_eq!(whole(picture.clone(), 1, 1), [100]);
    assert_eq!(whole(picture, 2, 2), [0, 0, 200, 200]);
}

/// Pillow 11 and torchvision 0.26, which round between rows and columns: within 1.
///
/// ```python
/// h, w = 9, 14
/// x = np.add.outer(np.arange(h) * 13, np.arange(w) * 11) + (np.arange(h * w) * 7 % 31).reshape(h, w)
/// image = Image.fromarray(x.clip(0, 255).astype(np.uint8))
/// for f in ("BILINEAR", "BICUBIC", "LANCZOS", "NEAREST_EXACT"):
///     resized = v2.Resize(6, interpolation=v2.InterpolationMode[f], antialias=True)(image)
///     print(np.asarray(v2.CenterCrop([4, 5])(resized)))
/// ```
#[test]
fn images_are_cropped_like_those_of_torchvision() {
    let pixel = |at: usize| (at / 14 * 13 + at % 14 * 11 + at * 7 % 31).min(255) as u8;
    let picture = read(&png(1, 9, 14, &(0..9 * 14).map(pixel).collect::<Vec<u8>>())).unwrap();
    let expected: [(ResizeFilter, [u8; 20]); 4] = [
        (
            ResizeFilter::Bilinear,
            [68, 90, 116, 126, 144, 88, 114, 126, 142, 169, 115, 136, 142, 168, 184, 137, 146, 167, 189, 194],
        ),
        (
            ResizeFilter::Bicubic,
            [66, 88, 118, 125, 142, 88, 116, 124, 141, 171, 116, 137, 138, 169, 183, 140, 145, 169, 190, 192],
        ),
        (
            ResizeFilter::Lanczos,
            [66, 88, 119, 125, 142, 87, 118, 125, 138, 173, 118, 138, 137, 170, 183, 140, 144, 169, 192, 190],
        ),
        (
            ResizeFilter::Nearest,
            [59, 95, 131, 118, 154, 77, 113, 118, 136, 172, 113, 149, 154, 172, 177, 131, 136, 172, 190, 195],
        ),
    ];
    for (filter, expected) in expected {
        let pixels = picture.clone().resized(4, 5, ResizeConfig::ShortestEdge(6), filter).planes();
        let near = pixels.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1);
        assert!(near && pixels.len() == 20, "{filter:?}: {pixels:?}");
    }
}

#[test]
fn truncated_and_other_files_are_refused() {
    let noise: Vec<u8> = (0..64 * 64u32).map(|at| ((at * at * 7919) >> 7) as u8).collect();
    for file in [png(1, 64, 64, &noise), jpeg(64, 64, &noise)] {
        assert!(read(&file).is_ok());
        for cut in [file.len() / 3, file.len() * 3 / 4, file.len() - 14] {
            assert!(read(&file[..cut]).is_err(), "{cut} of {}", file.len());
        }
    }
    assert_eq!(read(b""), Err("it is empty".to_owned()));
    assert_eq!(read(b"GIF89a..........."), Err("it is neither PNG nor JPEG".to_owned()));
    assert!(values(&png(3, 1, 1, &[1, 2, 3])).is_err());
}

/// A file written by `tests/faults/data/pictures/make.py`.
fn made(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/data/pictures/");
    std::fs::read(format!("{folder}{name}")).unwrap()
}

fn listed<T: serde::de::DeserializeOwned>(name: &str) -> std::collections::BTreeMap<String, T> {
    serde_json::from_slice(&made(name)).unwrap()
}

#[test]
fn every_kind_of_image_is_decoded_like_pillow() {
    let all: std::collections::BTreeMap<String, (usize, usize, usize, Vec<u8>)> = listed("expected.json");
    assert!(all.len() > 35);
    for (name, (channels, height, width, pixels)) in all {
        let file = made(&name);
        let size = ImageSize { channels, height, width };
        assert_eq!(header(&file).unwrap().size, size, "{name}");
        assert_eq!(header(&file).unwrap().is_deep, name.contains("16"), "{name}");
        let picture = read(&file).unwrap();
        assert_eq!(picture.size, size, "{name}");
        let is_transparent = name.contains("alpha") || name.contains("transparent");
        assert_eq!(picture.is_transparent, is_transparent, "{name}");
        // Decoders of JPEG round differently.
        let tolerance = if name.ends_with(".jpg") { 3 } else { u8::from(is_transparent) };
        let error = picture.pixels.iter().zip(&pixels).map(|(one, other)| one.abs_diff(*other)).max();
        assert!(error <= Some(tolerance) && picture.pixels.len() == pixels.len(), "{name}: {error:?}");
    }
}

#[test]
fn masks_have_the_same_values_as_in_numpy() {
    let all: std::collections::BTreeMap<String, Vec<f32>> = listed("masks.json");
    for (name, expected) in all {
        assert_eq!(values(&made(&name)).unwrap().1, expected, "{name}");
    }
    assert_eq!(values(&made("mask-turned.png")).unwrap().0, gray(5, 3));
    let refused = |name: &str| values(&made(name)).unwrap_err();
    assert!(refused("colour-8.png").starts_with("it is in colour"));
    assert!(refused("colour-16.png").starts_with("it is in colour"));
    for name in ["gray-alpha-8.png", "gray-alpha-16.png", "gray-transparent.png", "colour-alpha-8.png"] {
        assert!(refused(name).starts_with("it has transparent pixels"), "{name}");
    }
}

#[test]
fn transparent_pixels_show_the_background() {
    let on = |background: u8, name: &str| {
        DecodedImage::decode(&made(name), &PixelConversion { background, ..PixelConversion::default() })
            .unwrap()
            .planes()
    };
    // The first pixel is transparent, the third half transparent: `(34 * 128 + 0 * 127) / 255`, `+ 100 *
    // 127`.
    let (black, other) = (on(0, "gray-alpha-8.png"), on(100, "gray-alpha-8.png"));
    assert_eq!((black[0], black[2], black[4]), (0, 17, 68));
    assert_eq!((other[0], other[2], other[4]), (100, 67, 68));
}

#[test]
fn a_range_of_16_bit_values_becomes_bytes() {
    let conversion = PixelConversion { range: [1000, 1159], ..PixelConversion::default() };
    let byte = |value: u16| {
        let picture = image::ImageBuffer::<image::Luma<u16>, _>::from_raw(1, 1, vec![value]).unwrap();
        conversion.convert(picture.into()).0[0]
    };
    // In Python: `[round((v - 1000) / 159 * 255) for v in (1000, 1001, 1059, 1100, 1159)]`.
    assert_eq!([1000, 1001, 1059, 1100, 1159].map(byte), [0, 2, 95, 160, 255]);
    assert_eq!([0, 999, 1160, u16::MAX].map(byte), [0, 0, 255, 255]);
    assert_eq!(extremes(&made("gray-16.png"), &PixelConversion::default()), Ok([1000, 9148]));
    // The range also applies to 8-bit images, times 257.
    let half = PixelConversion { range: [0, 32767], ..PixelConversion::default() };
    assert_eq!(DecodedImage::decode(&made("gray-8.png"), &half).unwrap().planes()[..4], [0, 34, 68, 102]);
    let mut cell = Vec::new();
    pack(1, 2, &[100, 200], &mut cell);
    assert_eq!(DecodedImage::decode(&cell, &half).unwrap().planes(), [200, 255]);
}
