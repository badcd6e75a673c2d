//! A checker for well-formed XML, and for HTML that closes all elements except void ones.

/// HTML elements without an end tag.
const VOID: [&str; 1] = ["meta"];

/// Names of all elements in document order, or the first error.
pub fn elements(text: &str) -> Result<Vec<String>, String> {
    let (mut names, mut open) = (Vec::new(), Vec::<String>::new());
    let mut rest = text.strip_prefix("<!DOCTYPE html>").unwrap_or(text);
    while let Some(start) = rest.find('<') {
        characters(&rest[..start])?;
        if open.is_empty() && !rest[..start].trim().is_empty() {
            return Err(format!("text outside of elements: {}", &rest[..start]));
        }
        let end = start + tag_end(&rest[start..])?;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            match open.pop() {
                Some(opened) if opened == name => {}
                opened => return Err(format!("</{name}> closes {opened:?}")),
            }
            continue;
        }
        if open.is_empty() && !names.is_empty() {
            return Err(format!("a second root: {tag}"));
        }
        let empty = tag.ends_with('/');
        let name = attributes(tag.trim_end_matches('/'))?;
        if !empty && !VOID.contains(&name.as_str()) {
            open.push(name.clone());
        }
        names.push(name);
    }
    if !rest.trim().is_empty() || !open.is_empty() {
        return Err(format!("not closed: {open:?}, remaining: {rest}"));
    }
    Ok(names)
}

/// End of a tag: the first `>` outside quotes.
fn tag_end(text: &str) -> Result<usize, String> {
    let mut quoted = false;
    for (index, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '>' if !quoted => return Ok(index),
            '<' if index > 0 => return Err(format!("`<` inside a tag: {}", &text[..index])),
            _ => {}
        }
    }
    Err(format!("a tag without an end: {}", &text[..text.len().min(80)]))
}

/// The element's name. Checks that attributes have the form `name="value"` and are unique.
fn attributes(tag: &str) -> Result<String, String> {
    let (name, mut rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(format!("invalid element name: {name}"));
    }
    let mut seen: Vec<&str> = Vec::new();
    while !rest.trim().is_empty() {
        let (key, after) = rest.trim_start().split_once("=\"").ok_or(format!("invalid attribute: {rest}"))?;
        let (value, after) = after.split_once('"').ok_or(format!("not quoted: {rest}"))?;
        let known = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == ':');
        if !known || seen.contains(&key) || !(after.is_empty() || after.starts_with(char::is_whitespace)) {
            return Err(format!("invalid attribute: {key} in {tag}"));
        }
        characters(value)?;
        seen.push(key);
        rest = after;
    }
    Ok(name.to_owned())
}

/// Checks for unknown entities and for characters that XML forbids.
fn characters(text: &str) -> Result<(), String> {
    if let Some(letter) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r')) {
        return Err(format!("forbidden character: {letter:?}"));
    }
    let known = ["amp;", "lt;", "gt;", "quot;"];
    match text.split('&').skip(1).find(|after| !known.iter().any(|known| after.starts_with(known))) {
        Some(after) => Err(format!("a bare `&` before {}", &after.chars().take(20).collect::<String>())),
        None => Ok(()),
    }
}

#[test]
fn malformed_markup_is_rejected() {
    assert_eq!(elements("<a b=\"1 &amp; 2\"><c/>x</a>\n"), Ok(vec!["a".to_owned(), "c".to_owned()]));
    let wrong = [
        "<a>",
        "<a></b>",
        "<a b=1/>",
        "<a b=\"&x\"/>",
        "<a>& </a>",
        "<a><b</a>",
        "<a/><b/>",
        "x<a/>",
        "<a b=\"1\" b=\"2\"/>",
    ];
    for text in wrong {
        assert!(elements(text).is_err(), "{text}");
    }
}
