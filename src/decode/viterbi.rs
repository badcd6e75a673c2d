//! The likeliest path through a sequence of classes, where going from one class to the next has a score
//! of its own (Viterbi 1967): how a tagging task with `crf` decides.

use serde::{Deserialize, Serialize};

use crate::domain::task::TagScheme;

/// What following one class with another scores. Row-major.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transitions {
    /// `[classes]`: beginning with a class.
    pub start: Vec<f32>,
    /// `[classes]`: ending with it.
    pub end: Vec<f32>,
    /// `[from, to]`
    pub between: Vec<f32>,
}

impl Transitions {
    /// Panics when the arrays do not fit each other: a bug of the caller.
    pub fn new(start: Vec<f32>, end: Vec<f32>, between: Vec<f32>) -> Self {
        let classes = start.len();
        assert_eq!((end.len(), between.len()), (classes, classes * classes), "arrays for {classes} classes");
        Self { start, end, between }
    }

    /// What a scheme lets follow what: 0, and for what it does not [`FORBIDDEN`]. `None` for schemes that
    /// forbid nothing.
    pub fn of_scheme(scheme: TagScheme, classes: &[String]) -> Option<Self> {
        if !matches!(scheme, TagScheme::Bio | TagScheme::Bioes) {
            return None;
        }
        let score = |from: &str, to: &str| if follows(scheme, from, to) { 0.0 } else { FORBIDDEN };
        // Before the first step and behind the last all is outside.
        let start = classes.iter().map(|class| score(OUTSIDE, class)).collect();
        let end = classes.iter().map(|class| score(class, OUTSIDE)).collect();
        let between = classes.iter().flat_map(|from| classes.iter().map(move |to| score(from, to))).collect();
        Some(Self::new(start, end, between))
    }

    /// These scores and those of another, added.
    pub fn plus(&self, other: &Self) -> Self {
        let sum = |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(a, b)| a + b).collect();
        Self::new(
            sum(&self.start, &other.start),
            sum(&self.end, &other.end),
            sum(&self.between, &other.between),
        )
    }

    pub fn classes(&self) -> usize {
        self.start.len()
    }

    /// The path of greatest score through `emissions` `[steps, classes]`; of equal ones the path that
    /// from the last step back takes the first class.
    pub fn path(&self, emissions: &[f32]) -> Vec<u32> {
        let classes = self.classes();
        let steps = emissions.len() / classes.max(1);
        if steps == 0 {
            return Vec::new();
        }
        // The score of the best path to each class, and the class it came from: [steps - 1, classes].
        let mut scores: Vec<f32> = self.start.iter().zip(emissions).map(|(start, own)| start + own).collect();
        let mut from = Vec::with_capacity((steps - 1) * classes);
        let mut best = vec![0.0; classes];
        for own in emissions[classes..].chunks_exact(classes) {
            let mut came = vec![0u32; classes];
            best.iter_mut().zip(&self.between).for_each(|(best, between)| *best = scores[0] + between);
            for (class, row) in self.between.chunks_exact(classes).enumerate().skip(1) {
                for ((best, came), between) in best.iter_mut().zip(&mut came).zip(row) {
                    let score = scores[class] + between;
                    if score > *best {
                        (*best, *came) = (score, class as u32);
                    }
                }
            }
            scores.iter_mut().zip(&best).zip(own).for_each(|((score, best), own)| *score = best + own);
            from.push(came);
        }
        scores.iter_mut().zip(&self.end).for_each(|(score, end)| *score += end);
        let mut class = first_greatest(&scores);
        let mut path = vec![class; steps];
        for (step, came) in from.iter().enumerate().rev() {
            class = came[class as usize];
            path[step] = class;
        }
        path
    }

    /// The paths of several rows: `offsets` are the steps where each begins, and where the last ends.
    pub fn paths(&self, emissions: &[f32], offsets: &[u32]) -> Vec<u32> {
        let classes = self.classes();
        let rows = offsets.windows(2).map(|row| row[0] as usize * classes..row[1] as usize * classes);
        rows.flat_map(|row| self.path(&emissions[row])).collect()
    }
}

/// The score of what a scheme does not allow: such a path is taken only where there is no other.
pub const FORBIDDEN: f32 = -1e6;

const OUTSIDE: &str = "O";

/// Does the scheme let the tag `to` follow `from`?
fn follows(scheme: TagScheme, from: &str, to: &str) -> bool {
    let parts = |tag| str::split_once(tag, '-').unwrap_or((tag, ""));
    let ((before, kind_before), (index, kind)) = (parts(from), parts(to));
    let open = matches!(before, "B" | "I");
    let goes_on = matches!(index, "I" | "E");
    match scheme {
        TagScheme::Bioes if open || goes_on => open && goes_on && kind_before == kind,
        TagScheme::Bio if goes_on => open && kind_before == kind,
        _ => true,
    }
}

fn first_greatest(scores: &[f32]) -> u32 {
    let mut best = 0;
    for (class, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = class;
        }
    }
    best as u32
}

#[cfg(test)]
mod tests {
    use crate::decode::viterbi::Transitions;
    use crate::domain::task::TagScheme;

    /// The greatest score of all paths, and that of this one.
    fn tried(transitions: &Transitions, emissions: &[f32], path_classes: &[u32]) -> (f32, f32) {
        let classes = transitions.classes();
        let steps = emissions.len() / classes;
        let path = |number: usize| -> Vec<usize> {
            (0..steps).map(|step| number / classes.pow(step as u32) % classes).collect()
        };
        let score = |path: &[usize]| {
            let own: f32 =
                path.iter().enumerate().map(|(step, class)| emissions[step * classes + class]).sum();
            let between: f32 =
                path.windows(2).map(|two| transitions.between[two[0] * classes + two[1]]).sum();
            own + between + transitions.start[path[0]] + transitions.end[path[steps - 1]]
        };
        let best = (0..classes.pow(steps as u32)).map(|number| score(&path(number))).fold(f32::MIN, f32::max);
        let path_classes: Vec<usize> = path_classes.iter().map(|class| *class as usize).collect();
        (best, score(&path_classes))
    }

    fn numbers(count: usize, salt: u32) -> Vec<f32> {
        let number = |i: u32| ((i + salt).wrapping_mul(2_654_435_761) >> 8) as f32 / (1 << 22) as f32 - 2.0;
        (0..count as u32).map(number).collect()
    }

    #[test]
    fn finds_the_best_of_all_paths() {
        for (steps, classes) in [(1, 3), (2, 4), (5, 3), (7, 2), (4, 1)] {
            for salt in 0..20 {
                let transitions = Transitions::new(
                    numbers(classes, salt),
                    numbers(classes, salt + 50),
                    numbers(classes * classes, salt + 99),
                );
                let emissions = numbers(steps * classes, 7 * salt);
                // Rounding may tell equal paths apart.
                let (best, path_classes) = tried(&transitions, &emissions, &transitions.path(&emissions));
                assert!((best - path_classes).abs() < 1e-5, "{best} {path_classes}");
            }
        }
    }

    #[test]
    fn a_scheme_is_kept_to() {
        let tags = |tags: &[&str]| tags.iter().map(ToString::to_string).collect::<Vec<_>>();
        let classes = tags(&["O", "B-x", "I-x", "B-y", "I-y"]);
        let transitions = Transitions::of_scheme(TagScheme::Bio, &classes).unwrap();
        // Each step by itself says I-x, I-y, I-x; by the scheme a span begins first, and goes on as it began.
        let step =
            |best: usize| (0..5).map(move |class| if class == best { 2.0 } else { 0.1 * class as f32 });
        let emissions: Vec<f32> = [2, 4, 2].into_iter().flat_map(step).collect();
        let path = transitions.path(&emissions);
        assert_eq!(path, [3, 4, 4]);
        let classes = tags(&["O", "B-x", "I-x", "E-x", "S-x"]);
        let transitions = Transitions::of_scheme(TagScheme::Bioes, &classes).unwrap();
        // B-x, O, B-x: what begins must end.
        let emissions: Vec<f32> = [1, 0, 1].into_iter().flat_map(step).collect();
        let path = transitions.path(&emissions);
        assert_eq!(path, [4, 0, 4]);
        assert!(Transitions::of_scheme(TagScheme::Io, &classes).is_none());
    }

    #[test]
    fn rows_are_apart() {
        let transitions = Transitions::new(numbers(3, 1), numbers(3, 2), numbers(9, 3));
        let emissions = numbers(18, 4);
        let mut expected = transitions.path(&emissions[..12]);
        expected.extend(transitions.path(&emissions[12..]));
        assert_eq!(transitions.paths(&emissions, &[0, 4, 4, 6]), expected);
    }

    #[test]
    fn as_pytorch_crf() {
        // torchcrf.CRF(3, batch_first=True).decode of the emissions, lengths and scores of
        // model/kernel/crf.rs
        let transitions = Transitions::new(numbers(3, 6), numbers(3, 7), numbers(9, 5));
        let emissions = numbers(36, 4);
        assert_eq!(transitions.path(&emissions[..12]), [2, 1, 1, 1]);
        assert_eq!(transitions.path(&emissions[12..18]), [0, 1]);
        assert_eq!(transitions.path(&emissions[24..27]), [1]);
    }
}
