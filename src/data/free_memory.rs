//! Memory available to this process: the free memory of the machine, within the limits of its control group.

use std::path::{Path, PathBuf};

use crate::domain::bytes::Bytes;

/// The environment variable that limits the memory of a data file, such as `8GB`.
pub(in crate::data) const MEMORY_VARIABLE: &str = "MTL_DATA_MEMORY";

/// Memory available to this process, including what it already uses; `None` where the system does not report
/// it.
pub fn available() -> Option<Bytes> {
    available_of(Path::new("/proc"), Path::new("/sys/fs/cgroup"))
}

fn available_of(proc: &Path, groups: &Path) -> Option<Bytes> {
    let free = kilobytes(&read(&proc.join("meminfo"))?, "MemAvailable")?;
    let resident = kilobytes(&read(&proc.join("self/status"))?, "VmRSS").unwrap_or(Bytes(0));
    let group = group(&read(&proc.join("self/cgroup")).unwrap_or_default(), groups);
    Some(group.map_or(free, |group| group.min(free)) + resident)
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Parses `MemAvailable:   16310032 kB`.
fn kilobytes(text: &str, name: &str) -> Option<Bytes> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let count: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(Bytes(count.saturating_mul(1024)))
}

/// Free memory within the limits of the control group and its parents, of cgroup version 1 or 2; `None`
/// without a limit. `membership` is the text of `/proc/self/cgroup`.
fn group(membership: &str, groups: &Path) -> Option<Bytes> {
    let mut least: Option<u64> = None;
    for line in membership.lines() {
        // Version 2: `0::/user.slice/a`. Version 1: `7:memory:/a`.
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (top, limit, used, cached) = match controllers {
            "" => (groups.to_owned(), "memory.max", "memory.current", "inactive_file "),
            all if all.split(',').any(|one| one == "memory") => {
                let top = groups.join("memory");
                (top, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ")
            }
            _ => continue,
        };
        let mut folder: PathBuf = top.join(path.trim_start_matches('/'));
        loop {
            let number = |name: &str| read(&folder.join(name))?.trim().parse::<u64>().ok();
            if let (Some(limit), Some(used)) = (number(limit), number(used)) {
                // The kernel reclaims inactive file pages when memory runs short.
                let stat = read(&folder.join("memory.stat")).unwrap_or_default();
                let pages =
                    stat.lines().find_map(|line| line.strip_prefix(cached)?.trim().parse::<u64>().ok());
                let free = limit.saturating_sub(used.saturating_sub(pages.unwrap_or(0)));
                least = Some(least.map_or(free, |least| least.min(free)));
            }
            if folder == top || !folder.pop() {
                break;
            }
        }
    }
    least.map(Bytes)
}

#[cfg(test)]
mod tests {
    use super::available_of;
    use crate::domain::bytes::Bytes;

    #[test]
    fn the_narrower_of_machine_and_group_counts() {
        let folder = tempfile::tempdir().unwrap();
        let (proc, groups) = (folder.path().join("proc"), folder.path().join("cgroup"));
        let put = |path: &std::path::Path, text: &str| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(available_of(&proc, &groups), None, "a system without /proc");
        put(&proc.join("meminfo"), "MemTotal: 16000 kB\nMemAvailable:    8000 kB\n");
        put(&proc.join("self/status"), "VmHWM:  300 kB\nVmRSS:\t   100 kB\n");
        assert_eq!(available_of(&proc, &groups), Some(Bytes(8100 * 1024)), "no group");
        put(&proc.join("self/cgroup"), "0::/jobs/one\n");
        put(&groups.join("jobs/one/memory.max"), "max\n");
        put(&groups.join("jobs/one/memory.current"), "5000\n");
        assert_eq!(available_of(&proc, &groups), Some(Bytes(8100 * 1024)), "a group without a limit");
        put(&groups.join("jobs/memory.max"), "1000000\n");
        put(&groups.join("jobs/memory.current"), "700000\n");
        put(&groups.join("jobs/memory.stat"), "anon 5\ninactive_file 200000\n");
        assert_eq!(available_of(&proc, &groups), Some(Bytes(500_000 + 100 * 1024)), "the group above");
        put(&proc.join("self/cgroup"), "7:cpu,memory:/old\n");
        put(&groups.join("memory/old/memory.limit_in_bytes"), "900000\n");
        put(&groups.join("memory/old/memory.usage_in_bytes"), "950000\n");
        assert_eq!(available_of(&proc, &groups), Some(Bytes(100 * 1024)), "nothing is left");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_reports_free_memory() {
        assert!(super::available().is_some_and(|free| free > Bytes(1 << 20)));
    }
}
