//! Regular files, opened. What is none (a pipe, a device, a socket) may never end, or never begin: it is
//! refused before it is opened, since opening a pipe waits for whoever writes to it.

use std::fs::{File, FileType, Metadata};
use std::io::{Error, ErrorKind, Result};
use std::path::Path;

/// Opens a regular file, or says what stands in its place.
pub fn open(path: &Path) -> Result<File> {
    metadata(path)?;
    let file = File::open(path)?;
    // Another may stand there by now.
    refuse(&file.metadata()?)?;
    Ok(file)
}

/// A regular file's size and times; links are followed.
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
    fn what_is_no_file_is_refused_at_once() {
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
            let ring = folder.path().join("ring");
            std::os::unix::fs::symlink(&ring, &ring).unwrap();
            assert!(open(&ring).is_err());
        }
    }
}
