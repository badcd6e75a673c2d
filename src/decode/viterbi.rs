//! The Viterbi algorithm (Viterbi 1967): the path of classes with the highest score, used by tagging tasks
//! with a CRF or a tagging scheme.

use serde::{Deserialize, Serialize};

use crate::domain::task::TagScheme;

/// Scores of transitions between classes, row-major.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transitions {
    /// `[classes]`: scores of starting with a class.
    pub start: Vec<f32>,
    /// `[classes]`: scores of ending with a class.
    pub end: Vec<f32>,
    /// `[from, to]`: scores of transitions.
    pub between: Vec<f32>,
}

impl Transitions {
    /// Creates transitions.
    ///
    /// # Panics
    ///
    /// If the lengths of the arrays do not match.
    pub fn new(start: Vec<f32>, end: Vec<f32>, between: Vec<f32>) -> Self {
        let classes = start.len();
        assert_eq!((end.len(), between.len()), (classes, classes * classes), "arrays for {classes} classes");
        Self { start, end, between }
    }

    /// The transitions of a tagging scheme: 0 if allowed, else [`FORBIDDEN`]. `None` for schemes without
    /// constraints.
    pub fn of_scheme(scheme: TagScheme, classes: &[String]) -> Option<Self> {
        if !matches!(scheme, TagScheme::Bio | TagScheme::Bioes) {
            return None;
        }
        let score = |from: &str, to: &str| if follows(scheme, from, to) { 0.0 } else { FORBIDDEN };
        // Before the first step and after the last one is outside of spans.
        let start = classes.iter().map(|class| score(OUTSIDE, class)).collect();
        let end = classes.iter().map(|class| score(class, OUTSIDE)).collect();
        let between = classes.iter().flat_map(|from| classes.iter().map(move |to| score(from, to))).collect();
        Some(Self::new(start, end, between))
    }

    /// Adds the scores of two transitions.
    pub fn plus(&self, other: &Self) -> Self {
        let sum = |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(a, b)| a + b).collect();
        Self::new(
            sum(&self.start, &other.start),
            sum(&self.end, &other.end),
            sum(&self.between, &other.between),
        )
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.start.len()
    }

    /// The path with the highest score through `emissions` `[steps, classes]`. Ties are resolved from the
    /// last step backwards, in favour of the first class.
    pub fn path(&self, emissions: &[f32]) -> Vec<u32> {
        let classes = self.classes();
        let steps = emissions.len() / classes.max(1);
        if steps == 0 {
            return Vec::new();
        }
        // The score of the best path to each class, and back-pointers [steps - 1, classes].
        let mut scores: Vec<f32> = self.start.iter().zip(emissions).map(|(start, own)| start + own).collect();
        let mut back_pointers = Vec::with_capacity((steps - 1) * classes);
        let mut best = vec![0.0; classes];
        for own in emissions[classes..].chunks_exact(classes) {
            let mut pointers = vec![0u32; classes];
            best.iter_mut().zip(&self.between).for_each(|(best, between)| *best = scores[0] + between);
            for (class, row) in self.between.chunks_exact(classes).enumerate().skip(1) {
                for ((best, pointer), between) in best.iter_mut().zip(&mut pointers).zip(row) {
                    let score = scores[class] + between;
                    if score > *best {
                        (*best, *pointer) = (score, class as u32);
                    }
                }
            }
            scores.iter_mut().zip(&best).zip(own).for_each(|((score, best), own)| *score = best + own);
            back_pointers.push(pointers);
        }
        scores.iter_mut().zip(&self.end).for_each(|(score, end)| *score += end);
        let mut class = argmax(&scores);
        let mut path = vec![class; steps];
        for (step, pointers) in back_pointers.iter().enumerate().rev() {
            class = pointers[class as usize];
            path[step] = class;
        }
        path
    }

    /// The paths of several rows; `offsets` are the start steps of the rows and the end of the last one.
    pub fn paths(&self, emissions: &[f32], offsets: &[u32]) -> Vec<u32> {
        let classes = self.classes();
        let rows = offsets.windows(2).map(|row| row[0] as usize * classes..row[1] as usize * classes);
        rows.flat_map(|row| self.path(&emissions[row])).collect()
    }
}

/// The score of a forbidden transition: finite, so that a path exists even if none is allowed.
pub const FORBIDDEN: f32 = -1e6;

const OUTSIDE: &str = "O";

/// May the tag `to` follow `from`?
fn follows(scheme: TagScheme, from: &str, to: &str) -> bool {
    let parts = |tag| str::split_once(tag, '-').unwrap_or((tag, ""));
    let ((position_before, kind_before), (position, kind)) = (parts(from), parts(to));
    let is_open = matches!(position_before, "B" | "I");
    let continues = matches!(position, "I" | "E");
    match scheme {
        TagScheme::Bioes if is_open || continues => is_open && continues && kind_before == kind,
        TagScheme::Bio if continues => is_open && kind_before == kind,
        _ => true,
    }
}

fn argmax(scores: &[f32]) -> u32 {
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

    /// The highest score of all paths (brute force), and the score of `path_classes`.
    fn brute_force(transitions: &Transitions, emissions: &[f32], path_classes: &[u32]) -> (f32, f32) {
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
    fn finds_the_best_path() {
        for (steps, classes) in [(1, 3), (2, 4), (5, 3), (7, 2), (4, 1)] {
            for salt in 0..20 {
                let transitions = Transitions::new(
                    numbers(classes, salt),
                    numbers(classes, salt + 50),
                    numbers(classes * classes, salt + 99),
                );
                let emissions = numbers(steps * classes, 7 * salt);
                // Rounding may order equal paths differently.
                let path = transitions.path(&emissions);
                let (best, score) = brute_force(&transitions, &emissions, &path);
                assert!((best - score).abs() < 1e-5, "{best} {score}");
            }
        }
    }

    #[test]
    fn paths_follow_the_scheme() {
        let tags = |tags: &[&str]| tags.iter().map(ToString::to_string).collect::<Vec<_>>();
        let classes = tags(&["O", "B-x", "I-x", "B-y", "I-y"]);
        let transitions = Transitions::of_scheme(TagScheme::Bio, &classes).unwrap();
        // Each step alone prefers I-x, I-y, I-x; in the scheme a span starts with B and keeps its kind.
        let step =
            |best: usize| (0..5).map(move |class| if class == best { 2.0 } else { 0.1 * class as f32 });
        let emissions: Vec<f32> = [2, 4, 2].into_iter().flat_map(step).collect();
        let path = transitions.path(&emissions);
        assert_eq!(path, [3, 4, 4]);
        let classes = tags(&["O", "B-x", "I-x", "E-x", "S-x"]);
        let transitions = Transitions::of_scheme(TagScheme::Bioes, &classes).unwrap();
        // B-x, O, B-x: a span must have an end.
        let emissions: Vec<f32> = [1, 0, 1].into_iter().flat_map(step).collect();
        let path = transitions.path(&emissions);
        assert_eq!(path, [4, 0, 4]);
        assert!(Transitions::of_scheme(TagScheme::Io, &classes).is_none());
    }

    #[test]
    fn rows_are_independent() {
        let transitions = Transitions::new(numbers(3, 1), numbers(3, 2), numbers(9, 3));
        let emissions = numbers(18, 4);
        let mut expected = transitions.path(&emissions[..12]);
        expected.extend(transitions.path(&emissions[12..]));
        assert_eq!(transitions.paths(&emissions, &[0, 4, 4, 6]), expected);
    }

    #[test]
    fn paths_match_pytorch_crf() {
        // torchcrf.CRF(3, batch_first=True).decode of the emissions, lengths and scores of
        // model/kernel/crf.rs
        let transitions = Transitions::new(numbers(3, 6), numbers(3, 7), numbers(9, 5));
        let emissions = numbers(36, 4);
        assert_eq!(transitions.path(&emissions[..12]), [2, 1, 1, 1]);
        assert_eq!(transitions.path(&emissions[12..18]), [0, 1]);
        assert_eq!(transitions.path(&emissions[24..27]), [1]);
    }
}
