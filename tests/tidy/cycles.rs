//! No two files of a top-level module depend on each other, directly or indirectly, so that a file can be
//! understood and changed with its dependencies only. A file and its own children (in the folder of its name)
//! may depend on each other, as a registry and its items do.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::{DEPENDENCIES, fail, paths, paths_below, sources};

/// Modules and their dependencies. A file has the name of its module: `data/split/mod.rs` is `data::split`.
type Needs = BTreeMap<String, BTreeSet<String>>;

fn module(file: &str) -> String {
    let path = file.trim_end_matches(".rs").replace('/', "::");
    path.strip_suffix("::mod").unwrap_or(&path).to_owned()
}

/// Is `child` a descendant of `parent`?
fn is_below(child: &str, parent: &str) -> bool {
    child.strip_prefix(parent).is_some_and(|rest| rest.starts_with("::"))
}

/// The modules that a file uses: by full paths, and through modules that it imports or declares.
fn used(own: &str, code: &str, known: &BTreeSet<String>) -> BTreeSet<String> {
    // Visibility is not a dependency.
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

/// The dependencies between the files of a top-level module.
fn needs(top: &str) -> Needs {
    let sources: Vec<_> = sources().into_iter().filter(|source| source.module == top).collect();
    let known: BTreeSet<String> = sources.iter().map(|source| module(&source.name)).collect();
    let one = |name: String, code: &str| {
        let used = used(&name, code, &known);
        (name, used)
    };
    sources.iter().map(|source| one(module(&source.name), &source.code)).collect()
}

/// All direct and indirect dependencies of a file, including itself if it is part of a cycle.
fn reached(needs: &Needs, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(file) = open.pop() {
        for next in needs[&file].iter().filter(|next| needs.contains_key(*next)) {
            if reached.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    reached
}

/// The maximal sets of files that all depend on each other.
fn cycles(needs: &Needs) -> BTreeSet<BTreeSet<String>> {
    let reached: Needs = needs.keys().map(|file| (file.clone(), reached(needs, file))).collect();
    let with = |file: &String| -> BTreeSet<String> {
        reached[file].iter().filter(|other| reached[*other].contains(file)).cloned().collect()
    };
    needs.keys().map(with).filter(|cycle| cycle.len() > 1).collect()
}

/// The cycles that are not a parent with its own children.
fn tangles(needs: &Needs) -> Vec<BTreeSet<String>> {
    let without_parent = |cycle: BTreeSet<String>| {
        let is_parent =
            |one: &&String| cycle.iter().all(|other| other == *one || is_below(other, one.as_str()));
        let Some(parent) = cycle.iter().find(is_parent) else { return vec![cycle] };
        // Check the children without their parent.
        let children = needs.iter().filter(|(file, _)| cycle.contains(*file) && *file != parent);
        tangles(&children.map(|(file, used)| (file.clone(), used.clone())).collect())
    };
    cycles(needs).into_iter().flat_map(without_parent).collect()
}

/// Describes a cycle and the dependencies in it.
fn describe(cycle: &BTreeSet<String>, needs: &Needs) -> String {
    let edges = cycle.iter().flat_map(|file| {
        needs[file].iter().filter(|used| cycle.contains(*used)).map(move |used| format!("{file} -> {used}"))
    });
    format!("{} files depend on each other:\n    {}", cycle.len(), edges.collect::<Vec<_>>().join("\n    "))
}

#[test]
fn files_have_no_dependency_cycles() {
    let mut violations = Vec::new();
    for (top, _) in DEPENDENCIES {
        let needs = needs(top);
        violations.extend(tangles(&needs).iter().map(|cycle| describe(cycle, &needs)));
    }
    fail("files must not form dependency cycles, except a parent with its children", violations);
}

fn graph(all: &[(&str, &str)]) -> Needs {
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
fn the_rule_detects_cycles() {
    assert!(tangles(&graph(&[("r::a", "r::b"), ("r::b", "r::c"), ("r::a", "r::c")])).is_empty());
    let detour = graph(&[("r::a", "r::b"), ("r::b", "r::c"), ("r::c", "r::a"), ("r::a", "r::d")]);
    assert_eq!(tangles(&detour), [set(&["r::a", "r::b", "r::c"])]);
    assert!(describe(&tangles(&detour)[0], &detour).contains("r::c -> r::a"));

    let registry = [("r::s", "r::s::a"), ("r::s::a", "r::s"), ("r::s", "r::s::b"), ("r::s::b", "r::s::a")];
    assert!(tangles(&graph(&registry)).is_empty());
    let siblings = [&registry[..], &[("r::s::a", "r::s::b")]].concat();
    assert_eq!(tangles(&graph(&siblings)), [set(&["r::s::a", "r::s::b"])]);
    let outside = [&registry[..], &[("r::s::a", "r::o"), ("r::o", "r::s")]].concat();
    assert_eq!(tangles(&graph(&outside)), [set(&["r::o", "r::s", "r::s::a", "r::s::b"])]);
    // A common prefix alone does not make a child.
    assert_eq!(tangles(&graph(&[("r::s", "r::sa"), ("r::sa", "r::s")])).len(), 1);
}

#[test]
fn the_rule_detects_dependencies() {
    let known = set(&["r", "r::a", "r::a::inner", "r::b", "r::c", "r::d"]);
    let code = "use crate::r::b::{Thing, other::Deep}; use crate::r::c::{self, make}; mod inner; c::make(); \
                inner::work(); pub(in crate::r) fn f() {} crate::other::r::d::g(); crate::r::a::Own;";
    assert_eq!(used("r::a", code, &known), set(&["r::a::inner", "r::b", "r::c"]));
    assert_eq!(used("r::a", "use crate::r::Index;", &known), set(&["r"]));
    assert_eq!(module("data/split/mod.rs"), "data::split");
    assert_eq!(module("data/split.rs"), "data::split");
}
