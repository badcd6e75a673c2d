//! The Python environment that `mtl` was installed into by `pip install` of its wheel, found from the
//! location of the executable. Runs no Python: none needs to be on PATH, and no environment needs to be
//! active.

use std::path::{Path, PathBuf};

/// The folders where the `onnxruntime` package of that environment has its library, those of the newest
/// Python first. `programs` is the folder of the `mtl` program: `bin`, or `Scripts` on Windows.
pub fn library_folders(programs: &Path) -> Vec<PathBuf> {
    let Some(prefix) = programs.parent() else { return Vec::new() };
    let mut found: Vec<(Vec<u32>, PathBuf)> = Vec::new();
    // `lib64` is where Fedora's Python keeps packages with compiled parts.
    for library in ["lib", "lib64"] {
        for entry in std::fs::read_dir(prefix.join(library)).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(version) = name.to_str().and_then(|name| name.strip_prefix("python")) else { continue };
            let version = version.split('.').filter_map(|part| part.parse().ok()).collect();
            found.push((version, entry.path()));
        }
    }
    found.sort_by(|a, b| b.cmp(a));
    // Windows has one Python in each environment, and no version in its folder's name.
    let pythons = found.into_iter().map(|(_, path)| path).chain([prefix.join("Lib")]);
    // Debian's Python calls the folder of its own pip by another name.
    let packages =
        pythons.flat_map(|python| ["site-packages", "dist-packages"].map(|name| python.join(name)));
    packages.map(|folder| folder.join("onnxruntime").join("capi")).filter(|folder| folder.is_dir()).collect()
}

#[cfg(test)]
mod tests {
    use super::library_folders;

    #[test]
    fn the_package_is_found_from_where_the_program_stands() {
        let environment = tempfile::tempdir().unwrap();
        let programs = environment.path().join("bin");
        assert!(library_folders(&programs).is_empty(), "there is no Python yet");
        let folder = |name: &str| environment.path().join(name).join("onnxruntime/capi");
        let names =
            ["lib/python3.9/site-packages", "lib/python3.13/site-packages", "lib64/python3.11/dist-packages"];
        for name in names {
            std::fs::create_dir_all(folder(name)).unwrap();
        }
        // A Python without the package, and what is no Python.
        std::fs::create_dir_all(environment.path().join("lib/python3.14/site-packages")).unwrap();
        std::fs::create_dir_all(folder("lib/ruby/site-packages")).unwrap();
        assert_eq!(library_folders(&programs), [folder(names[1]), folder(names[2]), folder(names[0])]);
    }
}
