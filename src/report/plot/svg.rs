//! Writes a scene as SVG: plain elements without scripts or style sheets; the same scene has the same bytes.

use std::fmt::Write;

use crate::report::plot::font::FAMILY;
use crate::report::plot::palette::PAPER;
use crate::report::plot::scene::{LineStyle, PlotPoint, Scene, SceneShape, TextAnchor};

/// The scene as SVG, for a file or inside an HTML page.
pub fn write(scene: &Scene) -> String {
    let (width, height) = (number(scene.width), number(scene.height));
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"{FAMILY}\">\n<title>{}</title>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n",
        escape(&scene.title),
        PAPER.hex()
    );
    for mark in &scene.marks {
        element(&mut text, mark);
    }
    text.push_str("</svg>\n");
    text
}

/// Escapes a text for XML; characters that XML does not allow are replaced.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(letter),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            letter if letter.is_control() => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

fn element(text: &mut String, mark: &SceneShape) {
    // Writing to a String cannot fail.
    let _ = match mark {
        SceneShape::Line { points, colour, width, dash } => writeln!(
            text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" \
             stroke-linejoin=\"round\"{}/>",
            list(points),
            colour.hex(),
            number(*width),
            dashes(*dash)
        ),
        SceneShape::Area { points, fill, opacity } => writeln!(
            text,
            "<polygon points=\"{}\" fill=\"{}\" fill-opacity=\"{}\"/>",
            list(points),
            fill.hex(),
            number(*opacity)
        ),
        SceneShape::Box { corner, size, fill, tip } => writeln!(
            text,
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"{}",
            number(corner.0),
            number(corner.1),
            number(size.0),
            number(size.1),
            fill.hex(),
            ending("rect", tip)
        ),
        SceneShape::Dot { centre, radius, fill, rim, square: true, tip } => writeln!(
            text,
            "<rect x=\"{}\" y=\"{}\" width=\"{wide}\" height=\"{wide}\" fill=\"{}\" stroke=\"{}\"{}",
            number(centre.0 - radius),
            number(centre.1 - radius),
            fill.hex(),
            rim.hex(),
            ending("rect", tip),
            wide = number(2.0 * radius),
        ),
        SceneShape::Dot { centre, radius, fill, rim, square: false, tip } => writeln!(
            text,
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\" stroke=\"{}\"{}",
            number(centre.0),
            number(centre.1),
            number(*radius),
            fill.hex(),
            rim.hex(),
            ending("circle", tip)
        ),
        SceneShape::Text { at, text: content, size, colour, anchor, turned } => {
            let (x, y) = (number(at.0), number(at.1));
            let turn = if *turned { format!(" transform=\"rotate(-90 {x} {y})\"") } else { String::new() };
            let anchor = match anchor {
                TextAnchor::Start => "",
                TextAnchor::Middle => " text-anchor=\"middle\"",
                TextAnchor::End => " text-anchor=\"end\"",
            };
            writeln!(
                text,
                "<text x=\"{x}\" y=\"{y}\" font-size=\"{}\" fill=\"{}\"{anchor}{turn}>{}</text>",
                number(*size),
                colour.hex(),
                escape(content)
            )
        }
    };
}

/// The end of an element, with its tooltip.
fn ending(name: &str, tip: &str) -> String {
    if tip.is_empty() { "/>".to_owned() } else { format!("><title>{}</title></{name}>", escape(tip)) }
}

fn dashes(dash: LineStyle) -> String {
    let lengths: Vec<String> = dash.lengths().iter().map(|length| number(*length)).collect();
    if lengths.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{}\"", lengths.join(" ")) }
}

fn list(points: &[PlotPoint]) -> String {
    let one = |point: &PlotPoint| format!("{},{}", number(point.0), number(point.1));
    points.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// A number with at most two decimals, without trailing zeros.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use crate::report::plot::svg::{escape, number};

    #[test]
    fn numbers_are_short() {
        assert_eq!([1.0, 0.125, -0.001, 120.0, 33.333].map(number), ["1", "0.12", "0", "120", "33.33"]);
    }

    #[test]
    fn characters_that_xml_does_not_allow_are_replaced() {
        assert_eq!(escape("<a & \"b\">\u{1}\u{ffff}年"), "&lt;a &amp; &quot;b&quot;&gt;\u{fffd}\u{fffd}年");
    }
}
