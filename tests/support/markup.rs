//! Is a text well-formed XML? A page of HTML may be read the same way where it closes every element but
//! these.

/// Elements of HTML that have no end.
const VOID: [&str; 1] = ["meta"];

/// The names of all elements in the order they begin, or what is wrong.
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
                Some(begun) if begun == name => {}
                begun => return Err(format!("</{name}> ends {begun:?}")),
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
        return Err(format!("not ended: {open:?}, left: {rest}"));
    }
    Ok(names)
}

/// Where a tag ends: at the first `>` outside of quotes.
fn tag_end(text: &str) -> Result<usize, String> {
    let mut quoted = false;
    for (place, letter) in text.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '>' if !quoted => return Ok(place),
            '<' if place > 0 => return Err(format!("`<` inside of a tag: {}", &text[..place])),
            _ => {}
        }
    }
    Err(format!("a tag without an end: {}", &text[..text.len().min(80)]))
}

/// The element's name; every attribute is `name="value"` and stands there once.
fn attributes(tag: &str) -> Result<String, String> {
    let (name, mut rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(format!("no name of an element: {name}"));
    }
    let mut seen: Vec<&str> = Vec::new();
    while !rest.trim().is_empty() {
        let (key, after) = rest.trim_start().split_once("=\"").ok_or(format!("no attribute: {rest}"))?;
        let (value, after) = after.split_once('"').ok_or(format!("not quoted: {rest}"))?;
        let known = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == ':');
        if !known || seen.contains(&key) || !(after.is_empty() || after.starts_with(char::is_whitespace)) {
            return Err(format!("a wrong attribute: {key} in {tag}"));
        }
        characters(value)?;
        seen.push(key);
        rest = after;
    }
    Ok(name.to_owned())
}

/// Only entities that XML knows, and no letters it forbids.
fn characters(text: &str) -> Result<(), String> {
    if let Some(letter) = text.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r')) {
        return Err(format!("a letter that XML forbids: {letter:?}"));
    }
    let known = ["amp;", "lt;", "gt;", "quot;"];
    match text.split('&').skip(1).find(|after| !known.iter().any(|known| after.starts_with(known))) {
        Some(after) => Err(format!("a bare `&` before {}", &after.chars().take(20).collect::<String>())),
        None => Ok(()),
    }
}

#[test]
fn what_is_no_markup_is_seen() {
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
