//! Putting files in their place so that nobody ever sees half of one: write beside, sync, rename.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use crate::domain::whole_file::{folder, ordinary, write_whole};
use crate::run::error::Error;

/// Writes a whole file at once.
pub fn write(path: &Path, content: &[u8]) -> Result<(), Error> {
    let folder = folder(path);
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    write_whole(path, |file| file.write_all(content)).map_err(Error::io("write", path))
}

/// Gives a finished file a second place: the same bytes where the file system can, else a copy.
pub fn link(from: &Path, to: &Path) -> Result<(), Error> {
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let beside = tempfile::TempDir::new_in(folder).map_err(Error::io("write in", folder))?;
    let new = beside.path().join("new");
    if fs::hard_link(from, &new).is_err() {
        fs::copy(from, &new).map_err(Error::io("copy", from))?;
    }
    fs::rename(&new, to).map_err(Error::io("write", to))
}

/// A folder beside others, to be filled and then published.
pub fn beside(folder: &Path) -> Result<tempfile::TempDir, Error> {
    ordinary(0o777).prefix(".making-").tempdir_in(folder).map_err(Error::io("write in", folder))
}

/// Gives a finished folder its name. When another process was there first, theirs stays, unless
/// `replace` asks for ours.
pub fn publish(made: tempfile::TempDir, to: &Path, replace: bool) -> Result<(), Error> {
    for entry in fs::read_dir(made.path()).map_err(Error::io("read", made.path()))?.flatten() {
        let path = entry.path();
        File::open(&path).and_then(|file| file.sync_all()).map_err(Error::io("write", &path))?;
    }
    if to.exists() {
        if !replace {
            return Ok(());
        }
        let parent = to.parent().unwrap_or(Path::new("."));
        let old = tempfile::TempDir::new_in(parent).map_err(Error::io("write in", parent))?;
        fs::rename(to, old.path().join("old")).map_err(Error::io("replace", to))?;
    }
    match fs::rename(made.path(), to) {
        Ok(()) => {
            // It bears its final name now; there is nothing left to clean up.
            let _ = made.keep();
            Ok(())
        }
        // Somebody published the same content between our look and our rename.
        Err(_) if to.exists() => Ok(()),
        Err(source) => Err(Error::io("write", to)(source)),
    }
}

/// The bytes of all files in a folder, one level deep.
pub fn size(folder: &Path) -> u64 {
    fs::read_dir(folder)
        .map(|entries| {
            entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|data| data.len()).sum()
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{link, publish, write};

    #[test]
    fn a_published_folder_stays_unless_replaced() {
        let root = tempfile::tempdir().expect("a folder");
        let to = root.path().join("fit-0011");
        for (content, replace, seen) in [("a", false, "a"), ("b", false, "a"), ("c", true, "c")] {
            let made = tempfile::TempDir::new_in(root.path()).expect("a folder");
            std::fs::write(made.path().join("x"), content).expect("written");
            publish(made, &to, replace).expect("published");
            assert_eq!(std::fs::read_to_string(to.join("x")).expect("read"), seen);
        }
        assert_eq!(std::fs::read_dir(root.path()).expect("read").count(), 1, "nothing else is left");
    }

    #[test]
    fn a_link_replaces_what_was_there() {
        let root = tempfile::tempdir().expect("a folder");
        let (from, to) = (root.path().join("a"), root.path().join("deep/b"));
        write(&from, b"one").expect("written");
        link(&from, &to).expect("linked");
        write(&from, b"two").expect("written");
        assert_eq!(std::fs::read(&to).expect("read"), b"one", "a rewritten file is a new file");
        link(&from, &to).expect("linked again");
        assert_eq!(std::fs::read(&to).expect("read"), b"two");
    }
}
