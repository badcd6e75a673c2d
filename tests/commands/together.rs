//! Many processes with one runs folder.

use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{number, runs};
use crate::support::Project;

fn quietly(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("mtl starts")
}

/// Waits for all processes; returns the errors of those that failed.
fn failures(children: Vec<Child>) -> Vec<String> {
    let ended = children.into_iter().map(|child| child.wait_with_output().expect("ended"));
    let failed = ended.filter(|output| !output.status.success());
    failed.map(|output| String::from_utf8_lossy(&output.stderr).into_owned()).collect()
}

/// A run with this seed and one thread.
fn seeded(project: &Project, seed: usize) -> Child {
    let seed = seed.to_string();
    quietly(project.command(&["run", "pipeline.yaml", "--quiet", "--threads", "1", "--seed", &seed]))
}

#[test]
fn twenty_four_processes_share_one_database() {
    let project = Project::small();
    let start = |number: usize| {
        // A third of them have the same settings.
        let seed = if number.is_multiple_of(3) { 1 } else { number };
        seeded(&project, seed)
    };
    assert_eq!(failures((0..24).map(start).collect()), Vec::<String>::new());
    assert_eq!(number(&project, "select count(*) from runs where state = 'finished'"), 24.0);
    assert_eq!(number(&project, "select count(distinct run) from scores"), 24.0);
    assert_eq!(number(&project, "select count(*) from epochs"), 48.0);
    let litter = std::fs::read_dir(project.path("runs/cache")).expect("a cache").flatten();
    let litter = litter.filter(|entry| entry.file_name().to_string_lossy().starts_with('.'));
    assert_eq!(litter.count(), 0, "no temporary files are left");
}

#[test]
fn a_starting_run_is_not_marked_as_interrupted() {
    let project = Project::small();
    project.mtl(&["run", "pipeline.yaml", "--quiet", "--only", "fit"]).expect(0);
    let over = AtomicBool::new(false);
    let seen = Mutex::new(std::collections::BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let states = runs(&project);
                    let states = states.iter().map(|run| run["state"].as_str().expect("a state").to_owned());
                    seen.lock().expect("no panic").extend(states);
                }
            });
        }
        for round in 0..6 {
            let start = |number: usize| seeded(&project, 100 * round + number);
            let failed = failures((0..3).map(start).collect());
            if !failed.is_empty() {
                over.store(true, Ordering::Relaxed);
                panic!("{failed:?}");
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    let seen = seen.into_inner().expect("no panic");
    assert!(seen.contains("running") && seen.contains("finished"), "{seen:?}");
    assert!(!seen.contains("interrupted"), "{seen:?}");
}

#[test]
fn a_killed_run_is_resumed_by_one_process() {
    let project = Project::small();
    let slow = ["run", "pipeline.yaml", "--quiet", "--threads", "1", "--set", "train.epochs=3000"];
    let mut child = quietly(project.command(&slow));
    let begun = || runs(&project).first().is_some_and(|run| run["state"] == "running");
    while !project.path("runs/mtl.db").exists() || !begun() {
        assert!(child.try_wait().expect("asked").is_none(), "it ended by itself");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().expect("killed");
    child.wait().expect("dead");
    // All try to resume it, and one succeeds. The others report why not, and the run is never shown as dead.
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| {
            let mut states = Vec::new();
            while !over.load(Ordering::Relaxed) {
                states.push(runs(&project)[0]["state"].as_str().expect("a state").to_owned());
            }
            states
        });
        let mut children: Vec<Child> = (0..4)
            .map(|_| quietly(project.command(&["resume", "last", "--quiet", "--threads", "1"])))
            .collect();
        let mut refused = Vec::new();
        while children.len() > 1 {
            std::thread::sleep(std::time::Duration::from_millis(20));
            let ended = children.iter_mut().position(|child| child.try_wait().expect("asked").is_some());
            refused.extend(ended.map(|place| failures(vec![children.remove(place)]).concat()));
        }
        over.store(true, Ordering::Relaxed);
        let states = looking.join().expect("no panic");
        let running = children[0].try_wait().expect("asked").is_none();
        children[0].kill().expect("killed");
        children[0].wait().expect("dead");
        assert!(running, "one process resumes it");
        assert!(refused.iter().all(|output| output.contains("another process")), "{refused:?}");
        let first = states.iter().position(|state| state == "running").expect("it goes on");
        assert!(states[first..].iter().all(|state| state == "running"), "{states:?}");
    });
}

#[test]
fn too_many_threads_are_refused() {
    let project = Project::small();
    let refused = |arguments: &[&str], variable: Option<(&str, &str)>, messages: &[&str]| {
        let mut command = project.command(arguments);
        command.envs(variable);
        let ran = crate::support::project::Ran::of(&mut command).expect(2);
        let err = ran.err();
        assert!(err.lines().count() == 1 && messages.iter().all(|message| err.contains(message)), "{err}");
    };
    let run = ["run", "pipeline.yaml", "--quiet"];
    for count in ["30000", "1000000", "18446744073709551615"] {
        let output = [count, "--threads", "threads", "cores"];
        refused(&[&run[..], &["--threads", count]].concat(), None, &output[..3]);
        refused(&[&run[..], &["-j", count]].concat(), None, &[count, "-j", "parallel trials"]);
        refused(&["resume", "-j", count], None, &[count, "-j"]);
        refused(&["group", "pipeline.yaml", "--threads", count], None, &output[..3]);
    }
    for name in ["RAYON_NUM_THREADS", "POLARS_MAX_THREADS"] {
        for count in ["1000000", "many", "-3"] {
            refused(&run, Some((name, count)), &[count, name, "environment"]);
        }
        // The option overrides the variable; an empty variable is ignored.
        let mut command = project.command(&[&run[..], &["--threads", "2"]].concat());
        crate::support::project::Ran::of(command.env(name, "many")).expect(0);
        crate::support::project::Ran::of(project.command(&run).env(name, "")).expect(0);
    }
    assert!(!project.path("runs/mtl.db").exists() || number(&project, "select count(*) from runs") == 4.0);
}
