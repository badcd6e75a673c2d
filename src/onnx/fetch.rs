//! Downloads ONNX Runtime once: extracts it from its Python wheel, downloaded by pip with a pinned SHA-256.
//!
//! Several processes may do this at once: each uses a temporary folder and renames its library into place.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::onnx::error::OnnxError;
use crate::onnx::python;
use crate::onnx::seal::sha256;

/// The version to download.
pub const VERSION: &str = "1.31.1";

/// A wheel and the library in it. The library is the same in the wheels of all Python versions; those of 3.11
/// are used.
struct RuntimeWheel {
    os: &'static str,
    arch: &'static str,
    platform: &'static str,
    sha256: &'static str,
    library: &'static str,
    /// The hash of the extracted library, to detect a damaged copy in the cache.
    library_sha256: &'static str,
}

const WHEELS: [RuntimeWheel; 4] = [
    RuntimeWheel {
        os: "linux",
        arch: "x86_64",
        platform: "manylinux_2_28_x86_64",
        sha256: "5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f",
        library: "libonnxruntime.so.1.31.1",
        library_sha256: "fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3",
    },
    RuntimeWheel {
        os: "linux",
        arch: "aarch64",
        platform: "manylinux_2_28_aarch64",
        sha256: "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3",
        library: "libonnxruntime.so.1.31.1",
        library_sha256: "8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467",
    },
    RuntimeWheel {
        os: "macos",
        arch: "aarch64",
        platform: "macosx_14_0_arm64",
        sha256: "60b6b69bfe580eab576cacc5d132a0e9cf2a37fcfd18d46dd191042b1d1ed0d7",
        library: "libonnxruntime.1.31.1.dylib",
        library_sha256: "f8b06155feece624e55e49124340eea279da812529ae6fbc46a9f2be9c9cad2e",
    },
    RuntimeWheel {
        os: "windows",
        arch: "x86_64",
        platform: "win_amd64",
        sha256: "c3d91b5de31e2fc82d71bd65b2b22bddee8b49057a3a36338e9a868e0ea90c05",
        library: "onnxruntime.dll",
        library_sha256: "8482d2ee174e28504f99730fb01d6861575870283de4ed3a897ad39170d9a9b9",
    },
];

fn wheel() -> Result<&'static RuntimeWheel, OnnxError> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    WHEELS.iter().find(|wheel| wheel.os == os && wheel.arch == arch).ok_or(OnnxError::NoWheel { os, arch })
}

/// The path of the downloaded library in the cache.
///
/// # Errors
/// [`OnnxError::NoWheel`] if there is no wheel for this platform.
pub fn library_path(cache: &Path) -> Result<PathBuf, OnnxError> {
    Ok(cache.join(VERSION).join(wheel()?.library))
}

/// Checks the library in the cache against its hash.
pub fn check(path: &Path) -> Result<(), OnnxError> {
    let bytes = std::fs::read(path).map_err(OnnxError::file(path))?;
    if sha256(&bytes) == wheel()?.library_sha256 {
        return Ok(());
    }
    Err(OnnxError::Library { path: path.to_owned(), reason: "it is corrupt".to_owned() })
}

/// Extracts one file from a wheel, which is a zip file.
const EXTRACT: &str = r#"
import glob, shutil, sys, zipfile
folder, library, target = sys.argv[1:]
wheel = glob.glob(folder + "/*.whl")[0]
with zipfile.ZipFile(wheel) as archive:
    with archive.open("onnxruntime/capi/" + library) as source, open(target, "wb") as file:
        shutil.copyfileobj(source, file)
"#;

/// The prefix of temporary folders.
const WORK: &str = ".fetching-";

/// Removes temporary folders that killed processes left more than a day ago.
fn sweep(folder: &Path) {
    let old = |entry: &std::fs::DirEntry| {
        let age = entry.metadata().ok()?.modified().ok()?.elapsed().ok()?;
        Some(age > Duration::from_secs(24 * 60 * 60))
    };
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(WORK) && old(&entry) == Some(true) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Downloads the library into the cache and returns its path.
pub fn fetch(cache: &Path, python: &Path) -> Result<PathBuf, OnnxError> {
    let wheel = wheel()?;
    let path = library_path(cache)?;
    let folder = cache.join(VERSION);
    std::fs::create_dir_all(&folder).map_err(OnnxError::file(&folder))?;
    sweep(&folder);
    let work = tempfile::Builder::new().prefix(WORK).tempdir_in(&folder).map_err(OnnxError::file(&folder))?;

    let requirement = work.path().join("requirements.txt");
    let line = format!("onnxruntime=={VERSION} --hash=sha256:{}\n", wheel.sha256);
    std::fs::write(&requirement, line).map_err(OnnxError::file(&requirement))?;
    let (requirement, into) = (requirement.to_string_lossy(), work.path().to_string_lossy());
    let download = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--implementation",
        "cp",
        "--python-version",
        "3.11",
        "--platform",
        wheel.platform,
        "--require-hashes",
        "--requirement",
        &requirement,
        "--dest",
        &into,
    ];
    python::run(python, &download, Duration::from_secs(600))?;

    let library = work.path().join(wheel.library);
    let target = library.to_string_lossy();
    python::run(python, &["-c", EXTRACT, &into, wheel.library, &target], Duration::from_secs(120))?;
    check(&library)?;
    let file = std::fs::File::open(&library).map_err(OnnxError::file(&library))?;
    file.sync_all().map_err(OnnxError::file(&library))?;
    std::fs::rename(&library, &path).map_err(OnnxError::file(&path))?;
    Ok(path)
}
