//! Where in the file a path stands.
//!
//! serde_yaml gives a line and column only with an error. So a seed walks the path through the
//! document and fails on purpose at its end: the error knows the place.

mod fragment;

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use crate::domain::diagnostic::{Diagnostic, Path, Step};
use crate::spec::address::Override;
use crate::spec::source::fragment::Fragments;
use crate::spec::yaml;

/// The text of a pipeline and the overrides laid over it.
#[derive(Clone, Debug)]
pub struct Source {
    file: PathBuf,
    text: String,
    bytes: usize,
    /// Bytes that are UTF-8, when the rest is not.
    valid_up_to: Option<usize>,
    overrides: Vec<Override>,
    /// Places found so far.
    places: RefCell<HashMap<(Path, bool, bool), Option<Place>>>,
    /// Where each line begins, once one was asked for.
    lines: OnceCell<Vec<usize>>,
    fragments: OnceCell<Fragments>,
}

/// A place in the text; both count from 1, columns in letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Source {
    /// Takes a file's bytes; a byte order mark is passed over.
    pub fn new(bytes: &[u8], file: impl Into<PathBuf>, overrides: &[Override]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let valid_up_to = std::str::from_utf8(bytes).err().map(|error| error.valid_up_to());
        // What is refused for its size is not copied either.
        let kept = &bytes[..bytes.len().min(yaml::LARGEST + 1)];
        Self {
            file: file.into(),
            text: String::from_utf8_lossy(kept).into_owned(),
            bytes: bytes.len(),
            valid_up_to,
            overrides: overrides.to_vec(),
            places: RefCell::default(),
            lines: OnceCell::new(),
            fragments: OnceCell::new(),
        }
    }

    pub fn file(&self) -> &std::path::Path {
        &self.file
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_utf8(&self) -> bool {
        self.valid_up_to.is_none()
    }

    pub fn overrides(&self) -> &[Override] {
        &self.overrides
    }

    /// A line's text, counted from 1.
    pub fn line(&self, number: usize) -> Option<&str> {
        let ends = self.text.match_indices('\n').map(|(end, _)| end + 1);
        let lines = self.lines.get_or_init(|| std::iter::once(0).chain(ends).collect());
        self.text[*lines.get(number.checked_sub(1)?)?..].lines().next()
    }

    /// The override that gave the value at `path`, if one did; or made what stands around it.
    pub fn override_of(&self, path: &Path) -> Option<&Override> {
        let overrides = || self.overrides.iter().rev();
        overrides().find(|change| path.starts_with(change.path())).or_else(|| {
            let made = |change: &&Override| !path.0.is_empty() && change.path().starts_with(path);
            overrides().find(made).filter(|_| self.seek(&path.0, false, false).is_none())
        })
    }

    /// Where the value at `path` stands, or its key when the value is a list or a map. A path that
    /// is not in the file has the place of the nearest node above it.
    pub fn place(&self, path: &Path) -> Option<Place> {
        self.nearest(path, false, false)
    }

    /// Where a diagnostic points: at a key, at a value, or at what is no YAML.
    pub fn place_of(&self, diagnostic: &Diagnostic) -> Option<Place> {
        match diagnostic.code {
            "not-utf8" => self.valid_up_to.map(|end| self.after(end)),
            "yaml-syntax" => self.syntax_error(),
            "several-documents" => self.second_document(),
            // Not to be walked through: that is why they are refused.
            "file-too-large" | "empty-file" | "too-many-values" | "too-deep" | "bad-override" => None,
            "duplicate-key" => self.nearest(&diagnostic.path, true, true),
            _ => self.nearest(&diagnostic.path, diagnostic.on_key, false),
        }
    }

    /// Diagnostics in the order of the file, those without a place first; equal ones once.
    pub fn sort(&self, diagnostics: &mut Vec<Diagnostic>) {
        let mut placed: Vec<_> = diagnostics.drain(..).map(|found| (self.place_of(&found), found)).collect();
        placed.sort_by_key(|(place, found)| (found.severity, *place));
        placed.dedup();
        diagnostics.extend(placed.into_iter().map(|(_, found)| found));
    }

    fn nearest(&self, path: &Path, on_key: bool, last: bool) -> Option<Place> {
        let question = (path.clone(), on_key, last);
        if let Some(known) = self.places.borrow().get(&question) {
            return *known;
        }
        let place = self.search(path, on_key, last);
        self.places.borrow_mut().insert(question, place);
        place
    }

    fn search(&self, path: &Path, on_key: bool, last: bool) -> Option<Place> {
        let mut steps = path.0.as_slice();
        // The whole file is no place.
        while !steps.is_empty() {
            match self.seek(steps, on_key && steps.len() == path.0.len(), last) {
                Some(place) => return Some(place),
                None => steps = steps.split_last()?.1,
            }
        }
        None
    }

    fn seek(&self, steps: &[Step], on_key: bool, last: bool) -> Option<Place> {
        let found = Found::default();
        let on_key = on_key && matches!(steps.last(), Some(Step::Key(_)));
        if last {
            // First count how often the key stands there, then stop at the last.
            found.skip.set(usize::MAX);
            self.walk(steps, on_key, &found);
            found.skip.set(found.passed.get().checked_sub(1)?);
        }
        let place = self.walk(steps, on_key, &found)?;
        if found.collection.get() && matches!(steps.last(), Some(Step::Key(_))) {
            return self.seek(steps, true, false);
        }
        Some(place)
    }

    /// Walks the lines of the entry that the path leads into, or the whole file where they are not known.
    fn walk(&self, steps: &[Step], on_key: bool, found: &Found) -> Option<Place> {
        if let [Step::Key(section), Step::Key(key), ..] = steps
            && let Some((before, lines)) = self.fragments().entry(section, key)
            && let Ok(place) = walk(&self.text[lines], &steps[1..], on_key, found)
        {
            return place.map(|place| Place { line: place.line + before, ..place });
        }
        walk(&self.text, steps, on_key, found).ok().flatten()
    }

    fn fragments(&self) -> &Fragments {
        self.fragments.get_or_init(|| match yaml::parse(&self.text) {
            Ok((root, notes)) if notes.is_empty() => Fragments::of(&self.text, &root),
            // A key that stands twice has two places.
            _ => Fragments::default(),
        })
    }

    fn syntax_error(&self) -> Option<Place> {
        let error = IgnoredAny::deserialize(serde_yaml::Deserializer::from_str(&self.text)).err()?;
        error.location().map(|place| Place { line: place.line(), column: place.column() })
    }

    fn second_document(&self) -> Option<Place> {
        let mut content = false;
        for (number, line) in self.text.lines().enumerate() {
            let divider = line == "---" || line.starts_with("--- ") || line == "...";
            if divider && content {
                return Some(Place { line: number + 1, column: 1 });
            }
            content |= !divider && !line.trim().is_empty() && !line.trim_start().starts_with(['#', '%']);
        }
        None
    }

    /// The place after so many valid bytes.
    fn after(&self, bytes: usize) -> Place {
        let before = self.text.get(..bytes).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

/// The place of a path in a text, `None` where there is no such path; an error where the text alone is no YAML, such as
/// a reference to what stands elsewhere.
fn walk(text: &str, steps: &[Step], on_key: bool, found: &Found) -> Result<Option<Place>, ()> {
    let document = serde_yaml::Deserializer::from_str(text).next().ok_or(())?;
    match (Walk { steps, on_key, found }.deserialize(document)) {
        Ok(()) => Ok(None),
        Err(error) if found.here.get() => {
            Ok(error.location().map(|place| Place { line: place.line(), column: place.column() }))
        }
        Err(_) => Err(()),
    }
}

/// What the walk came to.
#[derive(Default)]
struct Found {
    /// It failed on purpose.
    here: Cell<bool>,
    /// The value there is a list, a map or nothing: better shown by its key.
    collection: Cell<bool>,
    /// Occurrences of the last key still to be passed over, and those passed.
    skip: Cell<usize>,
    passed: Cell<usize>,
}

impl Found {
    fn stop<E: Error>(&self, collection: bool) -> E {
        self.here.set(true);
        self.collection.set(collection);
        E::custom("here")
    }
}

#[derive(Clone, Copy)]
struct Walk<'a> {
    steps: &'a [Step],
    on_key: bool,
    found: &'a Found,
}

impl<'a> Walk<'a> {
    fn scalar<E: Error>(self, collection: bool) -> Result<(), E> {
        if self.steps.is_empty() { Err(self.found.stop(collection)) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
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
        let Some((step, steps)) = self.steps.split_first() else { return Err(self.found.stop(true)) };
        let mut position = 0;
        loop {
            let more = match step {
                Step::Index(index) if *index == position => {
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
        let Some((step, steps)) = self.steps.split_first() else { return Err(self.found.stop(true)) };
        let wanted = match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        };
        let stop = self.on_key && steps.is_empty();
        while let Some(found) = map.next_key_seed(Key { wanted, stop, found: self.found })? {
            if found {
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

/// Is this the wanted key? Fails at it when it is the end of the path.
struct Key<'a> {
    wanted: Option<&'a str>,
    stop: bool,
    found: &'a Found,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        if self.wanted != Some(key) {
            return Ok(false);
        }
        if self.stop {
            self.found.passed.set(self.found.passed.get() + 1);
            if self.found.skip.get() == 0 {
                return Err(self.found.stop(false));
            }
            self.found.skip.set(self.found.skip.get() - 1);
            return Ok(false);
        }
        Ok(true)
    }
}
