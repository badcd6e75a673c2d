//! Finding ONNX Runtime and loading it, once per process.
//!
//! The places, in order: `ORT_DYLIB_PATH`; beside the `mtl` binary; the Python environment that `mtl` was
//! installed into; the system's library folders; an `onnxruntime` installed for the Python on PATH; `mtl`'s
//! cache; and, unless `MTL_OFFLINE=1`, one fetch by pip into that cache. A place whose library is damaged,
//! too old or something else is passed over, with a note.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::Environment;

use crate::onnx::error::OnnxError;
use crate::onnx::library::LibraryInfo;
use crate::onnx::{environment, fetch, python};

/// ONNX Runtime, found and loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnnxRuntime {
    pub path: PathBuf,
    pub version: String,
    pub how: RuntimeOrigin,
}

/// Where ONNX Runtime was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuntimeOrigin {
    /// Named by `ORT_DYLIB_PATH`.
    Named,
    BesideBinary,
    /// In the Python environment that `mtl` itself was installed into.
    Environment,
    System,
    Python,
    Cache,
    Fetched,
}

impl RuntimeOrigin {
    /// For people: `found in ...`.
    pub fn text(self) -> &'static str {
        match self {
            Self::Named => "ORT_DYLIB_PATH",
            Self::BesideBinary => "beside the binary",
            Self::Environment => "the environment mtl is installed in",
            Self::System => "the system's libraries",
            Self::Python => "an installed Python package",
            Self::Cache => "mtl's cache",
            Self::Fetched => "fetched by pip",
        }
    }
}

/// Where to look.
pub struct RuntimeSearch<'a> {
    /// A library named by the user.
    pub named: Option<PathBuf>,
    /// The folder of the binary.
    pub library_folder: Option<PathBuf>,
    /// The system's library folders.
    pub system: Vec<PathBuf>,
    /// The Python to ask and to fetch with.
    pub python: Option<PathBuf>,
    /// The folder of fetched libraries.
    pub cache: Option<PathBuf>,
    /// Never fetch.
    pub offline: bool,
    /// Told what a person should know: a place passed over, a fetch begun.
    pub note: &'a dyn Fn(&str),
}

impl<'a> RuntimeSearch<'a> {
    /// Everywhere, as the environment variables say.
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

    /// The libraries a place offers, the newest first.
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
        let refused = |why: &str| OnnxError::NoRuntime { tried: Vec::new(), why: why.to_owned() };
        if self.offline {
            return Err(refused("MTL_OFFLINE forbids fetching it"));
        }
        let cache =
            self.cache.as_deref().ok_or_else(|| refused("there is no cache folder to fetch it into"))?;
        let python = self.python.as_deref().ok_or_else(|| refused("there is no Python to fetch it with"))?;
        (self.note)(&format!(
            "ONNX Runtime {} is not on this machine: fetching it once with pip into {}",
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

/// All places, in order.
const PLACES: [RuntimeOrigin; 7] = [
    RuntimeOrigin::Named,
    RuntimeOrigin::BesideBinary,
    RuntimeOrigin::Environment,
    RuntimeOrigin::System,
    RuntimeOrigin::Python,
    RuntimeOrigin::Cache,
    RuntimeOrigin::Fetched,
];

/// A process loads one library and makes one environment, both for good.
static LOADED: OnceLock<(OnnxRuntime, Environment)> = OnceLock::new();
static SEARCHING: Mutex<()> = Mutex::new(());

impl OnnxRuntime {
    /// Finds and loads ONNX Runtime. Once it is loaded, any search gives what was found first.
    pub fn find(search: &RuntimeSearch) -> Result<Self, OnnxError> {
        let _alone = SEARCHING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((runtime, _)) = LOADED.get() {
            return Ok(runtime.clone());
        }
        let result = find_runtime(search)?;
        Ok(LOADED.get_or_init(|| result).0.clone())
    }

    /// The environment sessions are opened in.
    pub(crate) fn environment(&self) -> Option<&'static Environment> {
        LOADED.get().map(|(_, environment)| environment)
    }
}

/// Looks at every place until a library can be loaded.
fn find_runtime(search: &RuntimeSearch) -> Result<(OnnxRuntime, Environment), OnnxError> {
    let mut tried = Vec::new();
    let mut why = "the fetched one could not be loaded".to_owned();
    for how in PLACES {
        let paths = match search.candidates(how) {
            Ok(paths) => paths,
            Err(OnnxError::NoRuntime { why: reason, .. }) => {
                why = reason;
                continue;
            }
            Err(error) if how == RuntimeOrigin::Fetched => {
                why = format!("fetching it failed: {error}");
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
                    (search.note)(&format!("passing over {}: {error}", how.text()));
                    tried.push(format!("{} ({error})", how.text()));
                }
            }
        }
    }
    Err(OnnxError::NoRuntime { tried, why })
}

fn load(path: &Path, how: RuntimeOrigin) -> Result<(OnnxRuntime, Environment), OnnxError> {
    // A relative path would be looked for beside the binary.
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
    let refused = |reason: String| OnnxError::Library { path: path.clone(), reason };
    // `ort` panics where a library with the right function gives the wrong answer.
    let environment = std::panic::catch_unwind(|| {
        let builder = ort::init_from(&path).map_err(|error| error.to_string())?;
        builder.with_name("mtl").with_telemetry(false).build().map_err(|error| error.to_string())
    })
    .map_err(|_| refused("it does not behave like ONNX Runtime".to_owned()))?
    .map_err(refused)?;
    let version = library.version.unwrap_or_else(|| "of unknown version".to_owned());
    Ok((OnnxRuntime { path, version, how }, environment))
}

/// The files called like ONNX Runtime in a folder, the newest version first.
fn libraries(folder: &Path) -> Vec<PathBuf> {
    let stem = format!("{}onnxruntime.", std::env::consts::DLL_PREFIX);
    let mut runtime: Vec<(Vec<u32>, PathBuf)> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_str()?.to_owned();
            let rest = name.strip_prefix(&stem)?;
            let is_library = rest.split('.').any(|part| part == std::env::consts::DLL_EXTENSION);
            let version = rest.split('.').filter_map(|part| part.parse().ok()).collect();
            is_library.then(|| (version, entry.path()))
        })
        .collect();
    runtime.sort_by(|a, b| b.cmp(a));
    runtime.into_iter().map(|(_, path)| path).collect()
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

    /// Looks nowhere.
    fn nowhere(note: &dyn Fn(&str)) -> RuntimeSearch<'_> {
        let (named, beside, python, cache) = (None, None, None, None);
        RuntimeSearch {
            named,
            library_folder: beside,
            system: Vec::new(),
            python,
            cache,
            offline: true,
            note,
        }
    }

    #[test]
    fn every_unusable_library_is_passed_over_and_told() {
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
        // A whole library, but not the one that was fetched.
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
        for (words, tried) in
            ["not a shared library", "cut short", "no-such-python", "damaged"].iter().zip(tried)
        {
            assert!(tried.contains(words), "{tried}");
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
    fn an_old_version_is_refused_unloaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so.1.18.0");
        std::fs::write(&path, b"MZ a library, as far as can be told").unwrap();
        let Err(OnnxError::TooOld { version, needed, .. }) = load(&path, RuntimeOrigin::System) else {
            panic!("1.18 is too old")
        };
        assert_eq!((version.as_str(), needed), ("1.18.0", 24));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_newest_of_a_folder_comes_first() {
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
