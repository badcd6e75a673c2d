//! Finds ONNX Runtime and loads it, once per process.
//!
//! Search order: `ORT_DYLIB_PATH`; beside the `mtl` binary; the Python environment that `mtl` was installed
//! into; the system's library folders; an `onnxruntime` installed for the Python on PATH; `mtl`'s cache; and,
//! unless `MTL_OFFLINE=1`, one download by pip into that cache. A library that is damaged, too old or
//! something else is skipped with a note.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::Environment;

use crate::onnx::error::OnnxError;
use crate::onnx::library::LibraryInfo;
use crate::onnx::{environment, fetch, python};

/// A loaded ONNX Runtime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnnxRuntime {
    /// Path of the library.
    pub path: PathBuf,
    /// Version of the library.
    pub version: String,
    /// Where it was found.
    pub how: RuntimeOrigin,
}

/// Where ONNX Runtime was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuntimeOrigin {
    /// Set by `ORT_DYLIB_PATH`.
    Named,
    /// In the folder of the program.
    BesideBinary,
    /// In the Python environment that `mtl` itself was installed into.
    Environment,
    /// In a folder of the system's libraries.
    System,
    /// In a Python environment.
    Python,
    /// In mtl's own cache.
    Cache,
    /// Downloaded with pip just now.
    Fetched,
}

impl RuntimeOrigin {
    /// A description for people.
    pub fn text(self) -> &'static str {
        match self {
            Self::Named => "ORT_DYLIB_PATH",
            Self::BesideBinary => "beside the binary",
            Self::Environment => "the environment mtl is installed in",
            Self::System => "the system's libraries",
            Self::Python => "an installed Python package",
            Self::Cache => "mtl's cache",
            Self::Fetched => "downloaded by pip",
        }
    }
}

/// The places to search.
pub struct RuntimeSearch<'a> {
    /// A library set by the user.
    pub named: Option<PathBuf>,
    /// The folder of the binary.
    pub library_folder: Option<PathBuf>,
    /// The system's library folders.
    pub system: Vec<PathBuf>,
    /// The Python interpreter to query and to download with.
    pub python: Option<PathBuf>,
    /// The folder of downloaded libraries.
    pub cache: Option<PathBuf>,
    /// Never download.
    pub offline: bool,
    /// Receives notes for the user: a skipped library, a download.
    pub note: &'a dyn Fn(&str),
}

impl<'a> RuntimeSearch<'a> {
    /// All places, following the environment variables.
    pub fn everywhere(note: &'a dyn Fn(&str)) -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = || variable("HOME").or_else(|| variable("USERPROFILE")).map(PathBuf::from);
        let cache =
            variable("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| home().map(|home| home.join(".cache")));
        let mut system: Vec<PathBuf> = Vec::new();
        for name in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"] {
            system.extend(variable(name).iter().flat_map(std::env::split_paths));
        }
        let multiarch = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
        for folder in ["/usr/local/lib", "/usr/lib", "/usr/lib64", &multiarch, "/opt/homebrew/lib"] {
            system.push(PathBuf::from(folder));
        }
        Self {
            named: variable("ORT_DYLIB_PATH").map(PathBuf::from),
            library_folder: binary_folder(),
            system,
            python: Some(PathBuf::from(if cfg!(windows) { "python" } else { "python3" })),
            cache: cache.map(|cache| cache.join("mtl").join("onnxruntime")),
            offline: variable("MTL_OFFLINE").is_some_and(|value| value != "0"),
            note,
        }
    }

    /// The libraries found in a place, newest first.
    fn candidates(&self, how: RuntimeOrigin) -> Result<Vec<PathBuf>, OnnxError> {
        match how {
            RuntimeOrigin::Named => Ok(self.named.iter().cloned().collect()),
            RuntimeOrigin::BesideBinary => {
                Ok(self.library_folder.iter().flat_map(|folder| libraries(folder)).collect())
            }
            RuntimeOrigin::Environment => {
                let folders =
                    self.library_folder.iter().flat_map(|folder| environment::library_folders(folder));
                Ok(folders.flat_map(|folder| libraries(&folder)).collect())
            }
            RuntimeOrigin::System => Ok(self.system.iter().flat_map(|folder| libraries(folder)).collect()),
            RuntimeOrigin::Python => self.python.as_deref().map_or(Ok(Vec::new()), python::installed),
            RuntimeOrigin::Cache => match &self.cache {
                Some(cache) => {
                    Ok(fetch::library_path(cache).ok().filter(|path| path.exists()).into_iter().collect())
                }
                None => Ok(Vec::new()),
            },
            RuntimeOrigin::Fetched => self.fetch().map(|path| vec![path]),
        }
    }

    fn fetch(&self) -> Result<PathBuf, OnnxError> {
        let not_found = |why: &str| OnnxError::NoRuntime { tried: Vec::new(), why: why.to_owned() };
        if self.offline {
            return Err(not_found("MTL_OFFLINE forbids downloading it"));
        }
        let cache =
            self.cache.as_deref().ok_or_else(|| not_found("there is no cache folder to download it into"))?;
        let python =
            self.python.as_deref().ok_or_else(|| not_found("there is no Python to download it with"))?;
        (self.note)(&format!(
            "ONNX Runtime {} was not found on this machine; downloading it once with pip into {}",
            fetch::VERSION,
            cache.display()
        ));
        fetch::fetch(cache, python)
    }
}

/// The folder of the program itself: pipx and uv put only a link to it on PATH, and not every system follows
/// that.
fn binary_folder() -> Option<PathBuf> {
    let binary = std::env::current_exe().ok()?;
    Some(binary.canonicalize().unwrap_or(binary).parent()?.to_owned())
}

/// All places, in search order.
const PLACES: [RuntimeOrigin; 7] = [
    RuntimeOrigin::Named,
    RuntimeOrigin::BesideBinary,
    RuntimeOrigin::Environment,
    RuntimeOrigin::System,
    RuntimeOrigin::Python,
    RuntimeOrigin::Cache,
    RuntimeOrigin::Fetched,
];

/// A process loads one library and creates one environment, both until its end.
static LOADED: OnceLock<(OnnxRuntime, Environment)> = OnceLock::new();
static SEARCHING: Mutex<()> = Mutex::new(());

impl OnnxRuntime {
    /// Finds and loads ONNX Runtime. Once loaded, later searches return the same one.
    ///
    /// # Errors
    /// [`OnnxError::NoRuntime`], with the places searched.
    pub fn find(search: &RuntimeSearch) -> Result<Self, OnnxError> {
        let _guard = SEARCHING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((runtime, _)) = LOADED.get() {
            return Ok(runtime.clone());
        }
        let found = find_runtime(search)?;
        Ok(LOADED.get_or_init(|| found).0.clone())
    }

    /// The environment in which sessions are opened.
    pub(crate) fn environment(&self) -> Option<&'static Environment> {
        LOADED.get().map(|(_, environment)| environment)
    }
}

/// Searches all places until a library can be loaded.
fn find_runtime(search: &RuntimeSearch) -> Result<(OnnxRuntime, Environment), OnnxError> {
    let mut tried = Vec::new();
    let mut why = "the downloaded library could not be loaded".to_owned();
    for how in PLACES {
        let paths = match search.candidates(how) {
            Ok(paths) => paths,
            Err(OnnxError::NoRuntime { why: reason, .. }) => {
                why = reason;
                continue;
            }
            Err(error) if how == RuntimeOrigin::Fetched => {
                why = format!("the download failed: {error}");
                continue;
            }
            Err(error) => {
                tried.push(format!("{} ({error})", how.text()));
                continue;
            }
        };
        for path in paths {
            match load(&path, how) {
                Ok(runtime) => return Ok(runtime),
                Err(error) => {
                    (search.note)(&format!("skipping {}: {error}", how.text()));
                    tried.push(format!("{} ({error})", how.text()));
                }
            }
        }
    }
    Err(OnnxError::NoRuntime { tried, why })
}

fn load(path: &Path, how: RuntimeOrigin) -> Result<(OnnxRuntime, Environment), OnnxError> {
    // A relative path would be resolved against the binary's folder.
    let path = std::path::absolute(path).map_err(OnnxError::file(path))?;
    let library = LibraryInfo::read(&path)?;
    if how == RuntimeOrigin::Cache {
        fetch::check(&path)?;
    }
    if let (Some(minor), Some(version)) = (library.minor(), &library.version)
        && minor < ort::MINOR_VERSION
    {
        return Err(OnnxError::TooOld { path, version: version.clone(), needed: ort::MINOR_VERSION });
    }
    let unusable = |reason: String| OnnxError::Library { path: path.clone(), reason };
    // `ort` panics if a library exports the right function but returns something else.
    let environment = std::panic::catch_unwind(|| {
        let builder = ort::init_from(&path).map_err(|error| error.to_string())?;
        builder.with_name("mtl").with_telemetry(false).build().map_err(|error| error.to_string())
    })
    .map_err(|_| unusable("it is not ONNX Runtime".to_owned()))?
    .map_err(unusable)?;
    let version = library.version.unwrap_or_else(|| "of unknown version".to_owned());
    Ok((OnnxRuntime { path, version, how }, environment))
}

/// The files in a folder that are named like ONNX Runtime, newest version first.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let stem = format!("{}onnxruntime.", std::env::consts::DLL_PREFIX);
    let mut libraries: Vec<(Vec<u32>, PathBuf)> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_str()?.to_owned();
            let suffix = name.strip_prefix(&stem)?;
            let is_library = suffix.split('.').any(|part| part == std::env::consts::DLL_EXTENSION);
            let version = suffix.split('.').filter_map(|part| part.parse().ok()).collect();
            is_library.then(|| (version, entry.path()))
        })
        .collect();
    libraries.sort_by(|a, b| b.cmp(a));
    libraries.into_iter().map(|(_, path)| path).collect()
}

#[cfg(test)]
pub(crate) fn for_tests() -> OnnxRuntime {
    match OnnxRuntime::find(&RuntimeSearch::everywhere(&|note| eprintln!("{note}"))) {
        Ok(runtime) => runtime,
        Err(error) => panic!("these tests need ONNX Runtime: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::sync::Mutex;

    use super::{RuntimeOrigin, RuntimeSearch, find_runtime, libraries, load};
    use crate::onnx::error::OnnxError;
    use crate::onnx::fetch;

    /// A search without places.
    fn nowhere(note: &dyn Fn(&str)) -> RuntimeSearch<'_> {
        RuntimeSearch {
            named: None,
            library_folder: None,
            system: Vec::new(),
            python: None,
            cache: None,
            offline: true,
            note,
        }
    }

    #[test]
    fn unusable_libraries_are_skipped_with_a_note() {
        let folder = tempfile::tempdir().unwrap();
        let named = folder.path().join("named.so");
        std::fs::write(&named, "not a library").unwrap();
        let beside = folder.path().join("beside");
        let file_name =
            format!("{}onnxruntime{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        std::fs::create_dir(&beside).unwrap();
        std::fs::write(beside.join(file_name), b"\x7fELF\x02\x01 cut").unwrap();
        let cache = folder.path().join("cache");
        let cached = fetch::library_path(&cache).unwrap();
        std::fs::create_dir_all(cached.parent().unwrap()).unwrap();
        // A complete library, but not the one that was downloaded.
        std::fs::copy(std::env::current_exe().unwrap(), &cached).unwrap();

        let notes = Mutex::new(Vec::new());
        let note = |text: &str| notes.lock().unwrap().push(text.to_owned());
        let search = RuntimeSearch {
            named: Some(named),
            library_folder: Some(beside),
            cache: Some(cache),
            python: Some(PathBuf::from("no-such-python")),
            ..nowhere(&note)
        };
        let Err(OnnxError::NoRuntime { tried, why }) = find_runtime(&search) else {
            panic!("nothing usable is there")
        };
        assert_eq!(notes.lock().unwrap().len(), 3);
        for (reason, tried) in
            ["not a shared library", "truncated", "no-such-python", "corrupt"].iter().zip(tried)
        {
            assert!(tried.contains(reason), "{tried}");
        }
        assert!(why.contains("MTL_OFFLINE"), "{why}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_environment_of_the_program_is_looked_at_before_the_system() {
        let folder = tempfile::tempdir().unwrap();
        let packages = folder.path().join("lib/python3.11/site-packages/onnxruntime/capi");
        let system = folder.path().join("system");
        for (folder, content) in [(&packages, "of pip"), (&system, "of the system")] {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join("libonnxruntime.so.1.31.1"), content).unwrap();
        }
        let search = RuntimeSearch {
            library_folder: Some(folder.path().join("bin")),
            system: vec![system],
            ..nowhere(&|_| {})
        };
        let Err(OnnxError::NoRuntime { tried, .. }) = find_runtime(&search) else {
            panic!("neither is a library")
        };
        assert_eq!(tried.len(), 2, "{tried:?}");
        assert!(tried[0].starts_with("the environment mtl is installed in"), "{tried:?}");
        assert!(tried[1].starts_with("the system's libraries"), "{tried:?}");
    }

    #[test]
    fn a_library_of_another_kind_is_refused() {
        for folder in ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64"] {
            let path = Path::new(folder).join("libm.so.6");
            if path.exists() {
                assert!(load(&path, RuntimeOrigin::Named).is_err());
            }
        }
    }

    #[test]
    fn an_old_version_is_refused_without_loading_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so.1.18.0");
        std::fs::write(&path, b"MZ a library, by its first bytes").unwrap();
        let Err(OnnxError::TooOld { version, needed, .. }) = load(&path, RuntimeOrigin::System) else {
            panic!("1.18 is too old")
        };
        assert_eq!((version.as_str(), needed), ("1.18.0", 24));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_newest_library_of_a_folder_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        for name in
            ["libonnxruntime.so.1.9.0", "libonnxruntime.so.1.31.1", "libonnxruntime_providers.so", "a.so"]
        {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let names: Vec<_> =
            libraries(folder.path()).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["libonnxruntime.so.1.31.1", "libonnxruntime.so.1.9.0"]);
    }
}
