//! The text of a pipeline, and the line and column of a path in it.
//!
//! serde_yaml reports line and column only with an error. Therefore a seed follows the path through the
//! document and fails on purpose at its end; the error contains the location.

mod section_lines;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use crate::domain::diagnostic::{Diagnostic, Path, PathStep};
use crate::spec::setting_address::SettingOverride;
use crate::spec::source::section_lines::SectionLines;
use crate::spec::yaml;

/// The text of a pipeline and the overrides applied to it.
#[derive(Clone, Debug)]
pub struct PipelineText {
    file: PathBuf,
    text: String,
    bytes: usize,
    /// Number of leading bytes that are valid UTF-8, if not all are.
    valid_up_to: Option<usize>,
    overrides: Vec<SettingOverride>,
    /// Locations found so far.
    places: RefCell<HashMap<(Path, bool, bool), Option<TextLocation>>>,
    /// Start of each line, computed on first use.
    lines: OnceCell<Vec<usize>>,
    section_lines: OnceCell<SectionLines>,
}

/// A location in the text. Both numbers count from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextLocation {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl PipelineText {
    /// Takes the bytes of a file; a byte order mark is skipped.
    pub fn new(bytes: &[u8], file: impl Into<PathBuf>, overrides: &[SettingOverride]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let valid_up_to = std::str::from_utf8(bytes).err().map(|error| error.valid_up_to());
        // A file that is too large is refused; keep only as much as is needed to report it.
        let kept = &bytes[..bytes.len().min(yaml::MAX_BYTES + 1)];
        Self {
            file: file.into(),
            text: yaml::with_line_feeds(&String::from_utf8_lossy(kept)),
            bytes: bytes.len(),
            valid_up_to,
            overrides: overrides.to_vec(),
            places: RefCell::default(),
            lines: OnceCell::new(),
            section_lines: OnceCell::new(),
        }
    }

    /// Path of the file.
    pub fn file(&self) -> &std::path::Path {
        &self.file
    }

    /// The text, with invalid UTF-8 replaced; the beginning of a file that is too large.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Size of the file.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether the file is UTF-8.
    pub fn is_utf8(&self) -> bool {
        self.valid_up_to.is_none()
    }

    /// The settings of `--set`.
    pub fn overrides(&self) -> &[SettingOverride] {
        &self.overrides
    }

    /// The text of a line, counted from 1.
    pub fn line(&self, number: usize) -> Option<&str> {
        let ends = self.text.match_indices('\n').map(|(end, _)| end + 1);
        let lines = self.lines.get_or_init(|| std::iter::once(0).chain(ends).collect());
        self.text[*lines.get(number.checked_sub(1)?)?..].lines().next()
    }

    /// The override that set the value at `path` or created the maps around it.
    pub fn override_of(&self, path: &Path) -> Option<&SettingOverride> {
        let overrides = || self.overrides.iter().rev();
        overrides().find(|change| path.starts_with(change.path())).or_else(|| {
            let created = |change: &&SettingOverride| !path.0.is_empty() && change.path().starts_with(path);
            overrides().find(created).filter(|_| self.seek(&path.0, false, false).is_none())
        })
    }

    /// Location of the value at `path`, or of its key if the value is a list or a map. A path that is not in
    /// the file has the location of its nearest existing parent.
    pub fn location(&self, path: &Path) -> Option<TextLocation> {
        self.nearest(path, false, false)
    }

    /// Location of a diagnostic: a key, a value, or a YAML syntax error.
    pub fn diagnostic_location(&self, diagnostic: &Diagnostic) -> Option<TextLocation> {
        match diagnostic.code {
            "not-utf8" => self.valid_up_to.map(|end| self.after(end)),
            "yaml-syntax" => self.syntax_error(),
            "several-documents" => self.second_document(),
            // Such files must not be parsed; that is why they are refused.
            "file-too-large" | "empty-file" | "too-many-values" | "too-deep" | "bad-override" => None,
            "duplicate-key" => self.nearest(&diagnostic.path, true, true),
            _ => self.nearest(&diagnostic.path, diagnostic.on_key, false),
        }
    }

    /// Sorts diagnostics by location, those without one first, and removes duplicates.
    pub fn sort(&self, diagnostics: &mut Vec<Diagnostic>) {
        let mut placed: Vec<_> = diagnostics
            .drain(..)
            .map(|diagnostic| (self.diagnostic_location(&diagnostic), diagnostic))
            .collect();
        placed.sort_by_key(|(location, diagnostic)| (diagnostic.severity, *location));
        placed.dedup();
        diagnostics.extend(placed.into_iter().map(|(_, diagnostic)| diagnostic));
    }

    fn nearest(&self, path: &Path, on_key: bool, last: bool) -> Option<TextLocation> {
        let query = (path.clone(), on_key, last);
        if let Some(known) = self.places.borrow().get(&query) {
            return *known;
        }
        let location = self.search(path, on_key, last);
        self.places.borrow_mut().insert(query, location);
        location
    }

    fn search(&self, path: &Path, on_key: bool, last: bool) -> Option<TextLocation> {
        let mut steps = path.0.as_slice();
        // The root has no location.
        while !steps.is_empty() {
            match self.seek(steps, on_key && steps.len() == path.0.len(), last) {
                Some(location) => return Some(location),
                None => steps = steps.split_last()?.1,
            }
        }
        None
    }

    fn seek(&self, steps: &[PathStep], on_key: bool, last: bool) -> Option<TextLocation> {
        let walk = WalkResult::default();
        let on_key = on_key && matches!(steps.last(), Some(PathStep::Key(_)));
        if last {
            // Count the occurrences of the key first, then stop at the last one.
            walk.skip.set(usize::MAX);
            self.locate(steps, on_key, &walk);
            walk.skip.set(walk.passed.get().checked_sub(1)?);
        }
        let location = self.locate(steps, on_key, &walk)?;
        if walk.collection.get() && matches!(steps.last(), Some(PathStep::Key(_))) {
            return self.seek(steps, true, false);
        }
        Some(location)
    }

    /// Searches the lines of the section entry that contains the path, or the whole file if they are unknown.
    fn locate(&self, steps: &[PathStep], on_key: bool, walk: &WalkResult) -> Option<TextLocation> {
        if let [PathStep::Key(section), PathStep::Key(key), ..] = steps
            && let Some((before, lines)) = self.section_lines().entry(section, key)
            && let Ok(location) = locate(&self.text[lines], &steps[1..], on_key, walk)
        {
            return location.map(|location| TextLocation { line: location.line + before, ..location });
        }
        locate(&self.text, steps, on_key, walk).ok().flatten()
    }

    fn section_lines(&self) -> &SectionLines {
        self.section_lines.get_or_init(|| match yaml::parse(&self.text) {
            Ok((root, notes)) if notes.is_empty() => SectionLines::from_tree(&self.text, &root),
            // A duplicate key has two locations.
            _ => SectionLines::default(),
        })
    }

    fn syntax_error(&self) -> Option<TextLocation> {
        let error = IgnoredAny::deserialize(serde_yaml::Deserializer::from_str(&self.text)).err()?;
        error.location().map(|location| TextLocation { line: location.line(), column: location.column() })
    }

    fn second_document(&self) -> Option<TextLocation> {
        let mut content = false;
        for (number, line) in self.text.lines().enumerate() {
            let divider = line == "---" || line.starts_with("--- ") || line == "...";
            if divider && content {
                return Some(TextLocation { line: number + 1, column: 1 });
            }
            content |= !divider && !line.trim().is_empty() && !line.trim_start().starts_with(['#', '%']);
        }
        None
    }

    /// The location after this many valid bytes.
    fn after(&self, bytes: usize) -> TextLocation {
        let before = self.text.get(..bytes).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        TextLocation {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// The location of a path in a text, `None` if the path does not exist; an error if the text alone is not
/// valid YAML, such as an alias of an anchor elsewhere.
fn locate(
    text: &str,
    steps: &[PathStep],
    on_key: bool,
    walk: &WalkResult,
) -> Result<Option<TextLocation>, ()> {
    let document = serde_yaml::Deserializer::from_str(text).next().ok_or(())?;
    match (PathWalker { steps, on_key, walk }.deserialize(document)) {
        Ok(()) => Ok(None),
        Err(error) if walk.stopped.get() => Ok(error
            .location()
            .map(|location| TextLocation { line: location.line(), column: location.column() })),
        Err(_) => Err(()),
    }
}

/// State and result of following a path.
#[derive(Default)]
struct WalkResult {
    /// The walk failed on purpose at the end of the path.
    stopped: Cell<bool>,
    /// The value is a list, a map or nothing, so its key is a better location.
    collection: Cell<bool>,
    /// Occurrences of the last key that are still to be skipped, and those passed.
    skip: Cell<usize>,
    passed: Cell<usize>,
}

impl WalkResult {
    fn stop<E: Error>(&self, collection: bool) -> E {
        self.stopped.set(true);
        self.collection.set(collection);
        E::custom("end of path")
    }
}

#[derive(Clone, Copy)]
struct PathWalker<'a> {
    steps: &'a [PathStep],
    on_key: bool,
    walk: &'a WalkResult,
}

impl<'a> PathWalker<'a> {
    fn scalar<E: Error>(self, collection: bool) -> Result<(), E> {
        if self.steps.is_empty() { Err(self.walk.stop(collection)) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for PathWalker<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for PathWalker<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar(true)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.scalar(false)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.scalar(false)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.scalar(false)
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        self.scalar(false)
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        self.scalar(false)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.scalar(false)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.scalar(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Some((step, steps)) = self.steps.split_first() else { return Err(self.walk.stop(true)) };
        let mut position = 0;
        loop {
            let more = match step {
                PathStep::Index(index) if *index == position => {
                    list.next_element_seed(Self { steps, ..self })?.is_some()
                }
                _ => list.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                return Ok(());
            }
            position += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((step, steps)) = self.steps.split_first() else { return Err(self.walk.stop(true)) };
        let expected = match step {
            PathStep::Key(key) => Some(key.as_str()),
            PathStep::Index(_) => None,
        };
        let stop = self.on_key && steps.is_empty();
        while let Some(is_expected) = map.next_key_seed(KeySeed { expected, stop, walk: self.walk })? {
            if is_expected {
                map.next_value_seed(Self { steps, ..self })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<(), A::Error> {
        let (_, value) = tagged.variant::<IgnoredAny>()?;
        value.newtype_variant_seed(self)
    }
}

/// Compares a key with the expected one; fails there on purpose if it is the end of the path.
struct KeySeed<'a> {
    expected: Option<&'a str>,
    stop: bool,
    walk: &'a WalkResult,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        if self.expected != Some(key) {
            return Ok(false);
        }
        if self.stop {
            self.walk.passed.set(self.walk.passed.get() + 1);
            if self.walk.skip.get() == 0 {
                return Err(self.walk.stop(false));
            }
            self.walk.skip.set(self.walk.skip.get() - 1);
            return Ok(false);
        }
        Ok(true)
    }
}
