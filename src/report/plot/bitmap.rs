//! Writes a scene as PNG with two pixels per unit, so that it is sharp in print.

use zeno::{Cap, Command, Fill, Join, Mask, Point, Stroke, Style};

use crate::report::plot::font::{self, OutlineStep};
use crate::report::plot::palette::{PAPER, Rgb};
use crate::report::plot::scene::{PlotPoint, Scene, SceneShape, TextAnchor};

/// Pixels per unit of the scene.
const SCALE: f64 = 2.0;

/// The scene as the bytes of a PNG file.
pub fn write(scene: &Scene) -> Result<Vec<u8>, png::EncodingError> {
    let mut canvas =
        Canvas::new((scene.width * SCALE).ceil() as usize, (scene.height * SCALE).ceil() as usize);
    scene.marks.iter().for_each(|mark| canvas.draw(mark));
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, canvas.width as u32, canvas.height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    // Figures are mostly white, so better compression would save little.
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&canvas.pixels)?;
    writer.finish()?;
    Ok(bytes)
}

struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

fn to_pixel(point: PlotPoint) -> Point {
    Point::new((point.0 * SCALE) as f32, (point.1 * SCALE) as f32)
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, pixels: [PAPER.0, PAPER.1, PAPER.2].repeat(width * height) }
    }

    fn draw(&mut self, mark: &SceneShape) {
        match mark {
            SceneShape::Line { points, colour, width, dash } => {
                let dashes: Vec<f32> = dash.lengths().iter().map(|length| (length * SCALE) as f32).collect();
                let mut stroke = Stroke::new((width * SCALE) as f32);
                stroke.join(Join::Round).cap(Cap::Butt).dash(&dashes, 0.0);
                self.paint(&path(points, false), stroke.into(), *colour, 1.0);
            }
            SceneShape::Area { points, fill, opacity } => {
                self.paint(&path(points, true), Fill::NonZero.into(), *fill, *opacity);
            }
            SceneShape::Box { corner, size, fill, .. } => {
                let (right, below) = (corner.0 + size.0, corner.1 + size.1);
                let corners = [*corner, (right, corner.1), (right, below), (corner.0, below)];
                self.paint(&path(&corners, true), Fill::NonZero.into(), *fill, 1.0);
            }
            SceneShape::Dot { centre, radius, fill, rim, square, .. } => {
                // A circle is a polygon with many corners; the corners of a square are farther away than its
                // sides.
                let (corners, turn, distance) = match square {
                    true => (4_u32, 0.5, radius * std::f64::consts::SQRT_2),
                    false => (40, 0.0, *radius),
                };
                let around: Vec<PlotPoint> = (0..corners)
                    .map(|corner| (f64::from(corner) + turn) / f64::from(corners) * std::f64::consts::TAU)
                    .map(|angle| (centre.0 + distance * angle.cos(), centre.1 + distance * angle.sin()))
                    .collect();
                self.paint(&path(&around, true), Fill::NonZero.into(), *fill, 1.0);
                self.paint(&path(&around, true), Stroke::new(SCALE as f32).into(), *rim, 1.0);
            }
            SceneShape::Text { at, text, size, colour, anchor, turned } => {
                let wide = font::width(text, *size);
                let shift = match anchor {
                    TextAnchor::Start => 0.0,
                    TextAnchor::Middle => -wide / 2.0,
                    TextAnchor::End => -wide,
                };
                let along = |x: f64, y: f64| match turned {
                    true => to_pixel((at.0 + y, at.1 - (x + shift))),
                    false => to_pixel((at.0 + x + shift, at.1 + y)),
                };
                let mut commands = Vec::new();
                font::outline(text, *size, &mut |step| {
                    commands.push(match step {
                        OutlineStep::Move(x, y) => Command::MoveTo(along(x, y)),
                        OutlineStep::Line(x, y) => Command::LineTo(along(x, y)),
                        OutlineStep::Quad(x1, y1, x, y) => Command::QuadTo(along(x1, y1), along(x, y)),
                        OutlineStep::Cubic(x1, y1, x2, y2, x, y) => {
                            Command::CurveTo(along(x1, y1), along(x2, y2), along(x, y))
                        }
                        OutlineStep::Close => Command::Close,
                    });
                });
                self.paint(&commands, Fill::NonZero.into(), *colour, 1.0);
            }
        }
    }

    fn paint(&mut self, path: &[Command], style: Style<'_>, colour: Rgb, opacity: f64) {
        if path.is_empty() {
            return;
        }
        let (mask, at) = Mask::new(path).style(style).render();
        let (wide, high) = (at.width as usize, at.height as usize);
        for (row, line) in mask.chunks(wide.max(1)).take(high).enumerate() {
            let Some(y) = usize::try_from(at.top + row as i32).ok().filter(|y| *y < self.height) else {
                continue;
            };
            for (column, cover) in line.iter().enumerate().filter(|(_, cover)| **cover > 0) {
                let Some(x) = usize::try_from(at.left + column as i32).ok().filter(|x| *x < self.width)
                else {
                    continue;
                };
                let part = opacity * f64::from(*cover) / 255.0;
                let pixel = &mut self.pixels[3 * (y * self.width + x)..][..3];
                let mixed = Rgb(pixel[0], pixel[1], pixel[2]).towards(colour, part);
                pixel.copy_from_slice(&[mixed.0, mixed.1, mixed.2]);
            }
        }
    }
}

fn path(points: &[PlotPoint], closed: bool) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::with_capacity(points.len() + 1);
    for point in points {
        let next = to_pixel(*point);
        commands.push(if commands.is_empty() { Command::MoveTo(next) } else { Command::LineTo(next) });
    }
    commands.extend((closed && !commands.is_empty()).then_some(Command::Close));
    commands
}

#[cfg(test)]
mod tests {
    use crate::report::plot::bitmap::write;
    use crate::report::plot::palette::Rgb;
    use crate::report::plot::scene::{Scene, SceneShape};

    #[test]
    fn a_box_fills_its_pixels_and_no_others() {
        let mut scene = Scene::new(4.0, 3.0, "");
        let fill = Rgb(10, 20, 30);
        scene.marks.push(SceneShape::Box { corner: (1.0, 1.0), size: (2.0, 1.0), fill, tip: String::new() });
        let bytes = write(&scene).expect("a picture");
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().expect("a PNG");
        let mut pixels = vec![0; reader.output_buffer_size().expect("a size")];
        let info = reader.next_frame(&mut pixels).expect("pixels");
        assert_eq!((info.width, info.height), (8, 6));
        for (index, pixel) in pixels.chunks(3).enumerate() {
            let (x, y) = (index % 8, index / 8);
            let inside = (2..6).contains(&x) && (2..4).contains(&y);
            assert_eq!(pixel, if inside { [10, 20, 30] } else { [255; 3] }, "{x}, {y}");
        }
    }
}
