//! Atomic publication of files and folders: write beside, sync, rename.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::disk::whole_file::{parent_folder, temporary_file, write_atomically};
use crate::run::error::RunError;

/// Prefixes of temporary names, and of damaged folders that were set aside; a kill may leave them behind.
pub const MAKING: &str = ".making-";
/// Prefix of files that are being written.
pub const WRITING: &str = ".writing-";
/// Prefix of damaged artifacts that were set aside.
pub const ASIDE: &str = ".damaged-";

/// The number of attempts if another process keeps replacing the same folder.
const ATTEMPTS: usize = 100;

/// Writes a file atomically.
pub fn write(path: &Path, content: &[u8]) -> Result<(), RunError> {
    let folder = parent_folder(path);
    fs::create_dir_all(folder).map_err(RunError::io("create", folder))?;
    write_atomically(path, |file| file.write_all(content)).map_err(RunError::io("write", path))
}

/// Copies a file atomically; the copy shares blocks where the file system supports it. Not a hard link: a
/// change of one file must not affect the other.
pub fn copy(from: &Path, to: &Path) -> Result<(), RunError> {
    let folder = parent_folder(to);
    fs::create_dir_all(folder).map_err(RunError::io("create", folder))?;
    let temporary = temporary_file(0o666)
        .prefix(WRITING)
        .tempfile_in(folder)
        .map_err(RunError::io("write in", folder))?;
    fs::copy(from, temporary.path()).map_err(RunError::io("copy", from))?;
    temporary.as_file().sync_all().map_err(RunError::io("write", to))?;
    temporary.persist(to).map_err(|error| RunError::io("write", to)(error.error))?;
    Ok(())
}

/// Creates a temporary folder in `folder`, to be filled and then published.
pub fn temporary_folder(folder: &Path) -> Result<tempfile::TempDir, RunError> {
    temporary_file(0o777).prefix(MAKING).tempdir_in(folder).map_err(RunError::io("write in", folder))
}

/// Renames a finished folder to `to`. An existing folder is kept if it `stays`, otherwise it is replaced; in
/// one step where the system supports it, so that readers always find one.
///
/// # Errors
/// [`RunError::Contended`] if other processes keep replacing it, or on file errors.
pub fn publish(
    temporary: tempfile::TempDir,
    to: &Path,
    stays: impl Fn(&Path) -> bool,
) -> Result<(), RunError> {
    for entry in fs::read_dir(temporary.path()).map_err(RunError::io("read", temporary.path()))?.flatten() {
        let path = entry.path();
        File::open(&path).and_then(|file| file.sync_all()).map_err(RunError::io("write", &path))?;
    }
    // Other processes may publish the same, or set it aside, between any two of these steps.
    for _ in 0..ATTEMPTS {
        match fs::rename(temporary.path(), to) {
            Ok(()) => {
                // It has its final name now, so nothing must be cleaned up.
                let _ = temporary.keep();
                // Makes the rename survive a power failure; not every file system supports this.
                let _ = File::open(parent_folder(to)).and_then(|folder| folder.sync_all());
                return Ok(());
            }
            Err(source) if !to.exists() => return Err(RunError::io("write", to)(source)),
            Err(_) if stays(to) => return Ok(()),
            // The old folder now has our temporary name and is removed with it.
            Err(_) if swap_folders(temporary.path(), to) => return Ok(()),
            Err(_) => set_aside(to)?,
        }
    }
    Err(RunError::Contended { path: to.to_owned() })
}

/// Swaps two folders in one step, where the system and the file system support it.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn swap_folders(one: &Path, other: &Path) -> bool {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok()
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn swap_folders(_: &Path, _: &Path) -> bool {
    false
}

/// Moves a damaged folder out of the way, for `mtl gc` to remove. A missing folder is no error.
pub fn set_aside(folder: &Path) -> Result<(), RunError> {
    let parent = self::parent_folder(folder);
    let aside = tempfile::Builder::new()
        .prefix(ASIDE)
        .tempdir_in(parent)
        .map_err(RunError::io("write in", parent))?;
    let name = folder.file_name().unwrap_or_default();
    match fs::rename(folder, aside.path().join(name)) {
        Ok(()) => {
            let _ = aside.keep();
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(RunError::io("set aside", folder)(error)),
    }
}

/// The bytes of a file, or of all files in a folder.
pub fn size(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            entries.map(|entry| size(&entry.path())).sum()
        }
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{copy, publish, write};

    fn made(root: &Path, content: &str) -> tempfile::TempDir {
        let made = tempfile::TempDir::new_in(root).expect("a folder");
        std::fs::write(made.path().join("x"), content).expect("written");
        made
    }

    #[test]
    fn an_existing_folder_is_kept_or_replaced() {
        let root = tempfile::tempdir().expect("a folder");
        let to = root.path().join("fit-0011");
        for (content, stays, seen) in [("a", true, "a"), ("b", true, "a"), ("c", false, "c")] {
            publish(made(root.path(), content), &to, |_| stays).expect("published");
            assert_eq!(std::fs::read_to_string(to.join("x")).expect("read"), seen);
        }
        assert_eq!(std::fs::read_dir(root.path()).expect("read").count(), 1, "nothing else is left");
    }

    #[test]
    fn a_reader_always_finds_a_folder_while_many_replace_it() {
        let root = tempfile::tempdir().expect("a folder");
        let to = root.path().join("fit-0011");
        publish(made(root.path(), "0"), &to, |_| false).expect("published");
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8)
                .map(|number: u32| {
                    let (root, to) = (root.path(), &to);
                    scope.spawn(move || {
                        for _ in 0..25 {
                            publish(made(root, &number.to_string()), to, |_| false).expect("published");
                        }
                    })
                })
                .collect();
            while !writers.iter().all(|writer| writer.is_finished()) {
                assert!(cfg!(not(target_os = "linux")) || to.join("x").exists(), "there is no gap");
            }
        });
        assert_eq!(std::fs::read_dir(root.path()).expect("read").count(), 1, "nothing else is left");
    }

    #[test]
    fn a_copy_replaces_an_existing_file() {
        let root = tempfile::tempdir().expect("a folder");
        let (from, to) = (root.path().join("a"), root.path().join("deep/b"));
        write(&from, b"one").expect("written");
        copy(&from, &to).expect("copied");
        std::fs::write(&from, b"two").expect("written in its place");
        assert_eq!(std::fs::read(&to).expect("read"), b"one", "they share nothing");
        copy(&from, &to).expect("copied again");
        assert_eq!(std::fs::read(&to).expect("read"), b"two");
    }
}
