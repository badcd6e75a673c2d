//! Atomic writes: a file is written to a temporary file in the same folder, synced, and renamed.

use std::fs::File;
use std::io::{BufWriter, Error, Result, Write};
use std::path::Path;

/// Writes a file with `fill`, atomically: readers see the old or the new content, never a part. The folder
/// must exist. A symbolic link is followed and stays a link.
///
/// # Errors
///
/// If the file cannot be written, or `path` is a folder or a special file.
pub fn write_atomically(path: &Path, fill: impl FnOnce(&mut BufWriter<&File>) -> Result<()>) -> Result<()> {
    let followed = if path.is_symlink() { path.canonicalize().ok() } else { None };
    let path = followed.as_deref().unwrap_or(path);
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        // Renaming onto a folder would fail; onto a device or a pipe it would replace it.
        return Err(Error::other("it exists and is not a regular file"));
    }
    let folder = parent_folder(path);
    let temporary = temporary_file(0o666).prefix(".writing-").tempfile_in(folder)?;
    let mut writer = BufWriter::with_capacity(1 << 18, temporary.as_file());
    fill(&mut writer)?;
    writer.flush()?;
    drop(writer);
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    // Sync the folder too, so that the rename survives a power failure; not every file system supports it.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Are both paths the same file, through any spelling or link?
pub fn same_file(one: &Path, other: &Path) -> bool {
    let (Ok(first), Ok(second)) = (std::fs::metadata(one), std::fs::metadata(other)) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        (first.dev(), first.ino()) == (second.dev(), second.ino())
    }
    #[cfg(not(unix))]
    {
        let _ = (first, second);
        matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
    }
}

/// Checks that files can be created in a folder, before work whose result would be lost.
pub fn may_write_in(folder: &Path) -> Result<()> {
    temporary_file(0o666).prefix(".writing-").tempfile_in(folder).map(|_| ())
}

/// The folder of a file.
pub fn parent_folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Temporary files are private by default; these get the permissions of ordinary files, limited by the umask.
pub fn temporary_file(mode: u32) -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = mode;
    builder
}

#[cfg(test)]
mod tests {
    use std::io::{Error, Write};
    use std::path::Path;

    use crate::disk::whole_file::{parent_folder, same_file, write_atomically};

    #[test]
    fn the_old_file_stays_until_the_new_one_is_complete() {
        let directory = tempfile::tempdir().expect("a folder");
        let path = directory.path().join("file");
        write_atomically(&path, |file| file.write_all(b"old")).expect("written");
        let broken = write_atomically(&path, |file| {
            file.write_all(b"ne")?;
            Err(Error::other("broken"))
        });
        assert!(broken.is_err());
        assert_eq!(std::fs::read(&path).expect("read"), b"old");
        write_atomically(&path, |file| file.write_all(b"new")).expect("written");
        assert_eq!(std::fs::read(&path).expect("read"), b"new");
        let names: Vec<_> =
            std::fs::read_dir(directory.path()).expect("read").flatten().map(|e| e.file_name()).collect();
        assert_eq!(names, ["file"], "no temporary file is left");
        assert!(write_atomically(&directory.path().join("no/file"), |_| Ok(())).is_err());
        assert_eq!(parent_folder(Path::new("file")), Path::new("."));
    }

    #[cfg(unix)]
    #[test]
    fn files_have_ordinary_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write_atomically(&ours, |_| Ok(())).expect("written");
        std::fs::write(&plain, b"").expect("written");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[test]
    fn same_file_recognizes_links_and_spellings() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        for name in ["a", "b"] {
            std::fs::write(path(name), b"the same").expect("written");
        }
        std::fs::hard_link(path("a"), path("hard")).expect("linked");
        assert!(same_file(&path("a"), &path("./a")) && same_file(&path("a"), &path("hard")));
        assert!(!same_file(&path("a"), &path("b")), "content does not count");
        assert!(!same_file(&path("a"), &path("none")) && !same_file(&path("none"), &path("none")));
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_links_and_special_files_are_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("real"), b"old").expect("written");
        std::os::unix::fs::symlink(path("real"), path("link")).expect("linked");
        assert!(same_file(&path("real"), &path("link")));
        write_atomically(&path("link"), |file| file.write_all(b"new")).expect("written");
        assert!(path("link").is_symlink());
        assert_eq!(std::fs::read(path("real")).expect("read"), b"new");
        std::fs::create_dir(path("folder")).expect("made");
        std::os::unix::fs::symlink("/dev/null", path("null")).expect("linked");
        for name in ["folder", "null"] {
            let error = write_atomically(&path(name), |file| file.write_all(b"new")).expect_err("refused");
            assert_eq!(error.to_string(), "it exists and is not a regular file");
        }
    }
}
