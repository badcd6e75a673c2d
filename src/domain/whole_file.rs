//! Files that appear whole or not at all: written beside their place, brought to the disk, renamed.

use std::fs::File;
use std::io::{BufWriter, Result, Write};
use std::path::Path;

/// Writes a file by `fill`: at any moment a reader finds the old one or the new one, never a part. Its folder must exist.
pub fn write_whole(path: &Path, fill: impl FnOnce(&mut BufWriter<&File>) -> Result<()>) -> Result<()> {
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

/// The folder a file stands in.
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What is temporary is its owner's alone, unless told otherwise; these become ordinary files, as the user's mask allows.
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

    use crate::domain::whole_file::{folder, write_whole};

    #[test]
    fn the_old_file_stays_until_the_new_one_is_whole() {
        let place = tempfile::tempdir().expect("a folder");
        let path = place.path().join("file");
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
            std::fs::read_dir(place.path()).expect("read").flatten().map(|e| e.file_name()).collect();
        assert_eq!(names, ["file"], "nothing is left beside");
        assert!(write_whole(&place.path().join("no/file"), |_| Ok(())).is_err());
        assert_eq!(folder(Path::new("file")), Path::new("."));
    }

    #[cfg(unix)]
    #[test]
    fn it_is_an_ordinary_file() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().expect("a folder");
        let (ours, plain) = (place.path().join("ours"), place.path().join("plain"));
        write_whole(&ours, |_| Ok(())).expect("written");
        std::fs::write(&plain, b"").expect("written");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode(&ours), mode(&plain));
    }
}
