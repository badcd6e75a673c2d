//! No two files of a room need each other, over whatever detour: a file can be read, and changed, by what it
//! names. A file and its own children (those in the folder of its name) may, as a shelf and its items do.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::{ARROWS, fail, paths, paths_below, sources};

/// Modules, and those that each of them names. A file is called as its module: `data/split/mod.rs` is
/// `data::split`.
type Needs = BTreeMap<String, BTreeSet<String>>;

fn module(file: &str) -> String {
    let path = file.trim_end_matches(".rs").replace('/', "::");
    path.strip_suffix("::mod").unwrap_or(&path).to_owned()
}

/// Is the one the other's child, or a child's child?
fn is_below(child: &str, parent: &str) -> bool {
    child.strip_prefix(parent).is_some_and(|rest| rest.starts_with("::"))
}

/// The modules that a file's code names: by whole paths, and through modules that it imports or that are its
/// children.
fn named(own: &str, code: &str, known: &BTreeSet<String>) -> BTreeSet<String> {
    // Who may see a thing is no use of it.
    let code = code.replace("(in crate::", "(in ");
    let mut all = paths(&code);
    for path in &mut all {
        path.truncate(path.trim_end_matches("::self").len());
    }
    let child = |module: &&String| module.rsplit_once("::").is_some_and(|(parent, _)| parent == own);
    let children = known.iter().filter(child).cloned();
    let imported = all.iter().filter(|path| known.contains(*path)).cloned();
    for module in children.chain(imported).collect::<BTreeSet<_>>() {
        let name = module.rsplit("::").next().unwrap_or(&module);
        all.extend(paths_below(&format!("{name}::"), &code).iter().map(|rest| format!("{module}::{rest}")));
    }
    let holder = |path: &String| {
        let mut path = path.as_str();
        while !known.contains(path) {
            path = path.rsplit_once("::")?.0;
        }
        (path != own).then(|| path.to_owned())
    };
    all.iter().filter_map(holder).collect()
}

/// What each file of a room names of the others.
fn needs(room: &str) -> Needs {
    let sources: Vec<_> = sources().into_iter().filter(|source| source.room == room).collect();
    let known: BTreeSet<String> = sources.iter().map(|source| module(&source.name)).collect();
    let one = |name: String, code: &str| {
        let named = named(&name, code, &known);
        (name, named)
    };
    sources.iter().map(|source| one(module(&source.name), &source.code)).collect()
}

/// Everything that a file needs, itself too if it stands in a circle.
fn reached(needs: &Needs, from: &str) -> BTreeSet<String> {
    let mut actual = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(file) = open.pop() {
        for next in needs[&file].iter().filter(|next| needs.contains_key(*next)) {
            if actual.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    actual
}

/// The largest sets of files of which each needs every other.
fn circles(needs: &Needs) -> BTreeSet<BTreeSet<String>> {
    let reached: Needs = needs.keys().map(|file| (file.clone(), reached(needs, file))).collect();
    let with = |file: &String| -> BTreeSet<String> {
        reached[file].iter().filter(|other| reached[*other].contains(file)).cloned().collect()
    };
    needs.keys().map(with).filter(|circle| circle.len() > 1).collect()
}

/// The circles that are more than a parent with its own children.
fn tangles(needs: &Needs) -> Vec<BTreeSet<String>> {
    let untied = |circle: BTreeSet<String>| {
        let is_parent =
            |one: &&String| circle.iter().all(|other| other == *one || is_below(other, one.as_str()));
        let Some(parent) = circle.iter().find(is_parent) else { return vec![circle] };
        // Without their parent the children need each other no more.
        let children = needs.iter().filter(|(file, _)| circle.contains(*file) && *file != parent);
        tangles(&children.map(|(file, named)| (file.clone(), named.clone())).collect())
    };
    circles(needs).into_iter().flat_map(untied).collect()
}

/// A circle, and who in it names whom.
fn told(circle: &BTreeSet<String>, needs: &Needs) -> String {
    let arrows = circle.iter().flat_map(|file| {
        needs[file]
            .iter()
            .filter(|named| circle.contains(*named))
            .map(move |named| format!("{file} -> {named}"))
    });
    format!("{} files need each other:\n    {}", circle.len(), arrows.collect::<Vec<_>>().join("\n    "))
}

#[test]
fn files_of_a_room_stand_in_no_circle() {
    let mut actual = Vec::new();
    for (room, _) in ARROWS {
        let needs = needs(room);
        actual.extend(tangles(&needs).iter().map(|circle| told(circle, &needs)));
    }
    fail("files stand in no circle but a parent with its own children", actual);
}

fn arrows(all: &[(&str, &str)]) -> Needs {
    let mut needs = Needs::new();
    for (from, to) in all {
        needs.entry((*to).to_owned()).or_default();
        needs.entry((*from).to_owned()).or_default().insert((*to).to_owned());
    }
    needs
}

fn set(all: &[&str]) -> BTreeSet<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

#[test]
fn the_rule_sees_circles() {
    assert!(tangles(&arrows(&[("r::a", "r::b"), ("r::b", "r::c"), ("r::a", "r::c")])).is_empty());
    let detour = arrows(&[("r::a", "r::b"), ("r::b", "r::c"), ("r::c", "r::a"), ("r::a", "r::d")]);
    assert_eq!(tangles(&detour), [set(&["r::a", "r::b", "r::c"])]);
    assert!(told(&tangles(&detour)[0], &detour).contains("r::c -> r::a"));

    let registry = [("r::s", "r::s::a"), ("r::s::a", "r::s"), ("r::s", "r::s::b"), ("r::s::b", "r::s::a")];
    assert!(tangles(&arrows(&registry)).is_empty());
    let siblings = [&registry[..], &[("r::s::a", "r::s::b")]].concat();
    assert_eq!(tangles(&arrows(&siblings)), [set(&["r::s::a", "r::s::b"])]);
    let outside = [&registry[..], &[("r::s::a", "r::o"), ("r::o", "r::s")]].concat();
    assert_eq!(tangles(&arrows(&outside)), [set(&["r::o", "r::s", "r::s::a", "r::s::b"])]);
    // A name that begins as another's is not below it.
    assert_eq!(tangles(&arrows(&[("r::s", "r::sa"), ("r::sa", "r::s")])).len(), 1);
}

#[test]
fn the_rule_sees_what_a_file_names() {
    let known = set(&["r", "r::a", "r::a::inner", "r::b", "r::c", "r::d"]);
    let code = "use crate::r::b::{Thing, other::Deep}; use crate::r::c::{self, make}; mod inner; c::make(); inner::work(); \
                pub(in crate::r) fn f() {} crate::other::r::d::g(); crate::r::a::Own;";
    assert_eq!(named("r::a", code, &known), set(&["r::a::inner", "r::b", "r::c"]));
    assert_eq!(named("r::a", "use crate::r::Index;", &known), set(&["r"]));
    assert_eq!(module("data/split/mod.rs"), "data::split");
    assert_eq!(module("data/split.rs"), "data::split");
}
