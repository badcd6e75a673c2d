//! Files that appear whole or not at all: written beside their place, brought to the disk, renamed.

use std::fs::File;
use std::io::{BufWriter, Error, Result, Write};
use std::path::Path;

/// Writes a file by `fill`: at any moment a reader finds the old one or the new one, never a part. Its folder
/// must exist. A link is followed, so that it stays one.
pub fn write_whole(path: &Path, fill: impl FnOnce(&mut BufWriter<&File>) -> Result<()>) -> Result<()> {
    let followed = if path.is_symlink() { path.canonicalize().ok() } else { None };
    let path = followed.as_deref().unwrap_or(path);
    if std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        // To rename onto a folder fails; onto a device or a pipe it would put a file in its place.
        return Err(Error::other("it is there and no ordinary file"));
    }
    let folder = folder(path);
    let beside = ordinary(0o666).prefix(".writing-").tempfile_in(folder)?;
    let mut writer = BufWriter::with_capacity(1 << 18, beside.as_file());
    fill(&mut writer)?;
    writer.flush()?;
    drop(writer);
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|error| error.error)?;
    // The new name must survive a power cut too; not every file system can be asked.
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
    Ok(())
}

/// Are both names of one file, by whatever spelling or link?
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

/// Can files be made in this folder? Asked before work whose result would have no place.
pub fn may_write_in(folder: &Path) -> Result<()> {
    ordinary(0o666).prefix(".writing-").tempfile_in(folder).map(|_| ())
}

/// The folder a file stands in.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What is temporary is its owner's alone, unless told otherwise; these become ordinary files, as the user's
/// mask allows.
pub fn ordinary(mode: u32) -> tempfile::Builder<'static, 'static> {
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

    use crate::disk::whole_file::{folder, same_file, write_whole};

    #[test]
    fn the_old_file_stays_until_the_new_one_is_whole() {
        let directory = tempfile::tempdir().expect("a folder");
        let path = directory.path().join("file");
        write_whole(&path, |file| file.write_all(b"old")).expect("written");
        let broken = write_whole(&path, |file| {
            file.write_all(b"ne")?;
            Err(Error::other("broken"))
        });
        assert!(broken.is_err());
        assert_eq!(std::fs::read(&path).expect("read"), b"old");
        write_whole(&path, |file| file.write_all(b"new")).expect("written");
        assert_eq!(std::fs::read(&path).expect("read"), b"new");
        let names: Vec<_> =
            std::fs::read_dir(directory.path()).expect("read").flatten().map(|e| e.file_name()).collect();
        assert_eq!(names, ["file"], "nothing is left beside");
        assert!(write_whole(&directory.path().join("no/file"), |_| Ok(())).is_err());
        assert_eq!(folder(Path::new("file")), Path::new("."));
    }

    #[cfg(unix)]
    #[test]
    fn it_is_an_ordinary_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let (ours, plain) = (folder.path().join("ours"), folder.path().join("plain"));
        write_whole(&ours, |_| Ok(())).expect("written");
        std::fs::write(&plain, b"").expect("written");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }

    #[test]
    fn one_file_has_many_names() {
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
    fn a_link_stays_and_no_folder_or_device_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("real"), b"old").expect("written");
        std::os::unix::fs::symlink(path("real"), path("link")).expect("linked");
        assert!(same_file(&path("real"), &path("link")));
        write_whole(&path("link"), |file| file.write_all(b"new")).expect("written");
        assert!(path("link").is_symlink());
        assert_eq!(std::fs::read(path("real")).expect("read"), b"new");
        std::fs::create_dir(path("folder")).expect("made");
        std::os::unix::fs::symlink("/dev/null", path("null")).expect("linked");
        for name in ["folder", "null"] {
            let error = write_whole(&path(name), |file| file.write_all(b"new")).expect_err("refused");
            assert_eq!(error.to_string(), "it is there and no ordinary file");
        }
    }
}
