//! The Pareto front (the points that no other point dominates) and its hypervolume.
//!
//! A point dominates another if it is at least as good in every objective and better in one. The hypervolume
//! is the volume that the front dominates, bounded by a reference point that is worse than the whole front
//! (Zitzler and Thiele 1999); larger is better. With two objectives it is a sum over the sorted points; with
//! more it is the exact recursion of While, Bradstreet and Barone ("A fast way of calculating exact
//! hypervolumes", IEEE TEC 2012): a point adds its own volume minus what the points after it, limited to that
//! volume, dominate.

use crate::domain::score::Direction;

/// The points that no other dominates.
#[derive(Clone, Debug, PartialEq)]
pub struct ParetoFront {
    directions: Vec<Direction>,
    members: Vec<usize>,
    /// The members' points, with signs changed so that lower is better.
    points: Vec<Vec<f64>>,
}

impl ParetoFront {
    /// Returns the front of points with one value per objective. Points with a value that is not finite are
    /// not members; of equal points all are members.
    pub fn from_points(points: &[Vec<f64>], directions: &[Direction]) -> Self {
        let is_finite =
            |point: &Vec<f64>| point.len() == directions.len() && point.iter().all(|value| value.is_finite());
        let known: Vec<(usize, Vec<f64>)> = points
            .iter()
            .enumerate()
            .filter(|(_, point)| is_finite(point))
            .map(|(index, point)| (index, minimized(point, directions)))
            .collect();
        let is_member = |own: &(usize, Vec<f64>)| !known.iter().any(|(_, other)| dominates(other, &own.1));
        let (members, points) = known.iter().filter(|own| is_member(own)).cloned().unzip();
        Self { directions: directions.to_vec(), members, points }
    }

    /// Ascending indices of the given points that belong to the front.
    pub fn members(&self) -> &[usize] {
        &self.members
    }

    /// Returns the volume between the front and `reference`; members that are not better than `reference` in
    /// every objective add nothing.
    pub fn hypervolume(&self, reference: &[f64]) -> f64 {
        let reference = minimized(reference, &self.directions);
        let inside = |point: &&Vec<f64>| point.iter().zip(&reference).all(|(value, worst)| value < worst);
        let mut points: Vec<Vec<f64>> = self.points.iter().filter(inside).cloned().collect();
        // Sorted, so that the sum does not depend on the order of the points.
        points.sort_by(|a, b| compared(a, b));
        volume(&points, &reference)
    }
}

fn minimized(point: &[f64], directions: &[Direction]) -> Vec<f64> {
    let turn = |(value, direction): (&f64, &Direction)| match direction {
        Direction::Lower => *value,
        Direction::Higher => -value,
    };
    point.iter().zip(directions).map(turn).collect()
}

fn dominates(own: &[f64], other: &[f64]) -> bool {
    let pairs = || own.iter().zip(other);
    pairs().all(|(a, b)| a <= b) && pairs().any(|(a, b)| a < b)
}

fn compared(a: &[f64], b: &[f64]) -> std::cmp::Ordering {
    let unequal = a.iter().zip(b).map(|(a, b)| a.total_cmp(b));
    unequal.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
}

/// The volume between these sorted points and the reference; lower is better.
fn volume(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    if reference.len() == 2 {
        return area(points, reference);
    }
    let exclusive = |(index, point): (usize, &Vec<f64>)| {
        let inclusive: f64 = point.iter().zip(reference).map(|(value, worst)| worst - value).product();
        inclusive - volume(&limited(&points[index + 1..], point), reference)
    };
    points.iter().enumerate().map(exclusive).sum()
}

/// The area in two dimensions: one strip per point, sorted by the first objective.
fn area(points: &[Vec<f64>], reference: &[f64]) -> f64 {
    let mut ceiling = reference[1];
    let mut area = 0.0;
    for point in points {
        if point[1] < ceiling {
            area += (reference[0] - point[0]) * (ceiling - point[1]);
            ceiling = point[1];
        }
    }
    area
}

/// The points limited to the volume of `corner` (the limit set of While et al.): non-dominated, distinct and
/// sorted.
fn limited(points: &[Vec<f64>], corner: &[f64]) -> Vec<Vec<f64>> {
    let limit = |point: &Vec<f64>| point.iter().zip(corner).map(|(a, b)| a.max(*b)).collect::<Vec<f64>>();
    let mut all: Vec<Vec<f64>> = points.iter().map(limit).collect();
    all.sort_by(|a, b| compared(a, b));
    all.dedup();
    let free = |own: &&Vec<f64>| !all.iter().any(|other| dominates(other, own));
    all.iter().filter(free).cloned().collect()
}

#[cfg(test)]
mod tests {
    use crate::domain::front::ParetoFront;
    use crate::domain::score::Direction::{Higher, Lower};

    /// Deterministic pseudo-random number in [-1, 1].
    fn noise(number: u64) -> f64 {
        let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    fn cloud(count: usize, width: usize) -> Vec<Vec<f64>> {
        let value = |index: usize| noise((index * 31 + width) as u64);
        (0..count).map(|row| (0..width).map(|column| value(row * width + column)).collect()).collect()
    }

    /// The volume of a union of boxes by inclusion-exclusion over all subsets; lower is better.
    fn by_subsets(points: &[Vec<f64>], reference: &[f64]) -> f64 {
        let one = |subset: u32| {
            let chosen = || points.iter().enumerate().filter(|(i, _)| subset >> i & 1 == 1);
            let side = |(axis, worst): (usize, &f64)| {
                let best = chosen().map(|(_, point)| point[axis]).fold(f64::NEG_INFINITY, f64::max);
                (worst - best).max(0.0)
            };
            let sign = if subset.count_ones() % 2 == 1 { 1.0 } else { -1.0 };
            sign * reference.iter().enumerate().map(side).product::<f64>()
        };
        (1..1_u32 << points.len()).map(one).sum()
    }

    // pymoo 0.6.2:
    //   from pymoo.indicators.hv import HV
    //   three = [(1,5,3), (2,2,4), (4,1,2), (5,4,1), (3,3,3)]
    //   HV(ref_point=np.array([6., 6, 6]))(np.array(three, float)) -> 65.0
    //   four = [(1,5,3,2), (2,2,4,5), (4,1,2,3), (5,4,1,1), (3,3,3,3), (2,4,2,4)]
    //   HV(ref_point=np.array([6.] * 4))(np.array(four, float)) -> 223.0
    #[test]
    fn hypervolumes_match_pymoo() {
        let hypervolume = |points: &[&[f64]], worst: f64| {
            let points: Vec<Vec<f64>> = points.iter().map(|point| point.to_vec()).collect();
            let width = points[0].len();
            ParetoFront::from_points(&points, &vec![Lower; width]).hypervolume(&vec![worst; width])
        };
        assert_eq!(hypervolume(&[&[1.0, 3.0], &[2.0, 2.0], &[3.0, 1.0]], 4.0), 6.0);
        let three: &[&[f64]] =
            &[&[1.0, 5.0, 3.0], &[2.0, 2.0, 4.0], &[4.0, 1.0, 2.0], &[5.0, 4.0, 1.0], &[3.0, 3.0, 3.0]];
        assert_eq!(hypervolume(three, 6.0), 65.0);
        let four: &[&[f64]] = &[
            &[1.0, 5.0, 3.0, 2.0],
            &[2.0, 2.0, 4.0, 5.0],
            &[4.0, 1.0, 2.0, 3.0],
            &[5.0, 4.0, 1.0, 1.0],
            &[3.0, 3.0, 3.0, 3.0],
            &[2.0, 4.0, 2.0, 4.0],
        ];
        assert_eq!(hypervolume(four, 6.0), 223.0);
        assert_eq!(hypervolume(&[&[0.25]], 1.0), 0.75, "with one objective it is a length");
    }

    /// ZDT1 and ZDT2 have the hypervolumes 2/3 and 1/3 for the reference point (1, 1).
    #[test]
    fn hypervolumes_of_zdt_match_their_closed_form() {
        let curve = |f: fn(f64) -> f64| -> Vec<Vec<f64>> {
            let point = |i: u32| f64::from(i) / 2_000.0;
            (0..=2_000).map(point).map(|x| vec![x, f(x)]).collect()
        };
        // The sampled points miss the steps between them, hence the tolerance.
        let volume =
            |points: &[Vec<f64>]| ParetoFront::from_points(points, &[Lower, Lower]).hypervolume(&[1.0, 1.0]);
        assert!((volume(&curve(|x| 1.0 - x.sqrt())) - 2.0 / 3.0).abs() < 1e-3);
        assert!((volume(&curve(|x| 1.0 - x * x)) - 1.0 / 3.0).abs() < 1e-3);
    }

    #[test]
    fn hypervolumes_match_inclusion_exclusion() {
        for width in 1..=5 {
            let points = cloud(9, width);
            let front = ParetoFront::from_points(&points, &vec![Lower; width]);
            let (result, expected) =
                (front.hypervolume(&vec![0.8; width]), by_subsets(&points, &vec![0.8; width]));
            assert!((result - expected).abs() < 1e-9, "{width}: {result}, not {expected}");
        }
    }

    #[test]
    fn laws() {
        for width in 2..=4 {
            let directions: Vec<_> = (0..width).map(|i| if i % 2 == 0 { Lower } else { Higher }).collect();
            let worst: Vec<f64> = (0..width).map(|i| if i % 2 == 0 { 2.0 } else { -2.0 }).collect();
            let points = cloud(12, width);
            let front = ParetoFront::from_points(&points, &directions);
            let volume = front.hypervolume(&worst);
            assert!(volume > 0.0 && !front.members().is_empty());
            // The order of the points does not matter.
            let reversed: Vec<Vec<f64>> = points.iter().rev().cloned().collect();
            let back = ParetoFront::from_points(&reversed, &directions);
            assert_eq!(back.hypervolume(&worst), volume);
            let mut indices: Vec<usize> = back.members().iter().map(|i| points.len() - 1 - i).collect();
            indices.sort_unstable();
            assert_eq!(indices, front.members());
            // A dominated point changes nothing; a better one increases the volume.
            let shifted = |by: f64| -> Vec<f64> {
                let own = &points[front.members()[0]];
                own.iter().enumerate().map(|(i, x)| if i % 2 == 0 { x + by } else { x - by }).collect()
            };
            let with = |point: Vec<f64>| {
                ParetoFront::from_points(&[points.clone(), vec![point]].concat(), &directions)
            };
            let worse = with(shifted(0.1));
            assert_eq!((worse.members(), worse.hypervolume(&worst)), (front.members(), volume));
            assert!(with(shifted(-0.1)).hypervolume(&worst) > volume);
            // Changing a direction is changing a sign.
            let mirrored: Vec<Vec<f64>> = points.iter().map(|p| p.iter().map(|x| -x).collect()).collect();
            let others: Vec<_> =
                directions.iter().map(|d| if *d == Lower { Higher } else { Lower }).collect();
            let mirror = ParetoFront::from_points(&mirrored, &others);
            let opposite: Vec<f64> = worst.iter().map(|x| -x).collect();
            assert_eq!((mirror.members(), mirror.hypervolume(&opposite)), (front.members(), volume));
        }
    }

    #[test]
    fn equal_points_are_members_and_non_finite_points_are_not() {
        let points = vec![vec![1.0, 2.0], vec![1.0, 2.0], vec![f64::NAN, 0.0], vec![1.0, 3.0], vec![0.0]];
        let front = ParetoFront::from_points(&points, &[Lower, Lower]);
        assert_eq!(front.members(), [0, 1]);
        assert_eq!(front.hypervolume(&[2.0, 4.0]), 2.0);
        assert_eq!(front.hypervolume(&[1.0, 4.0]), 0.0, "no better than the reference in one objective");
        assert_eq!(ParetoFront::from_points(&[], &[Lower]).hypervolume(&[1.0]), 0.0);
    }
}
