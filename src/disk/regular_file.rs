//! Opens regular files only. Special files (pipes, devices, sockets) may block or never end, and opening a
//! pipe blocks until there is a writer; so they are refused before they are opened.

use std::fs::{File, FileType, Metadata};
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

/// Opens a regular file.
///
/// # Errors
///
/// If the file cannot be opened or is not a regular file.
pub fn open(path: &Path) -> Result<File> {
    metadata(path)?;
    let file = File::open(path)?;
    // The file may have been replaced since.
    refuse(&file.metadata()?)?;
    Ok(file)
}

/// The metadata of a regular file; links are followed.
///
/// # Errors
///
/// If the file does not exist or is not a regular file.
pub fn metadata(path: &Path) -> Result<Metadata> {
    let metadata = std::fs::metadata(path)?;
    refuse(&metadata)?;
    Ok(metadata)
}

fn refuse(metadata: &Metadata) -> Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let kind = if metadata.is_dir() { ErrorKind::IsADirectory } else { ErrorKind::InvalidInput };
    Err(Error::new(kind, format!("it is {}, not a file", what(metadata.file_type()))))
}

#[cfg(unix)]
fn what(file_type: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match () {
        () if file_type.is_dir() => "a folder",
        () if file_type.is_fifo() => "a pipe",
        () if file_type.is_socket() => "a socket",
        () => "a device",
    }
}

#[cfg(not(unix))]
fn what(file_type: FileType) -> &'static str {
    if file_type.is_dir() { "a folder" } else { "something else" }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::disk::regular_file::open;

    #[test]
    fn special_files_are_refused_immediately() {
        let folder = tempfile::tempdir().unwrap();
        let text = |path: &Path| open(path).unwrap_err().to_string();
        assert_eq!(text(folder.path()), "it is a folder, not a file");
        assert!(
            open(&folder.path().join("none"))
                .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        );
        std::fs::write(folder.path().join("a"), "a").unwrap();
        assert!(open(&folder.path().join("a")).is_ok());
        #[cfg(unix)]
        {
            assert_eq!(text(Path::new("/dev/zero")), "it is a device, not a file");
            let socket = folder.path().join("socket");
            let _open = std::os::unix::net::UnixListener::bind(&socket).unwrap();
            assert_eq!(text(&socket), "it is a socket, not a file");
            let cycle = folder.path().join("cycle");
            std::os::unix::fs::symlink(&cycle, &cycle).unwrap();
            assert!(open(&cycle).is_err());
        }
    }
}
